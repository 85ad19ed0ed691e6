"""SNS messages to HTTP subscribers never leave this machine: a rehearsal of prod must not page who is on duty."""

from typing import Any
from urllib.parse import urlsplit

from infra.localcloud.event_log import EventLog
from infra.localcloud.operations import Context, Payload, after

HERE = ("127.0.0.1", "localhost", "::1")
SECONDS = 5


@after("sns", "CreateTopic")
def deliver_here_only(params: Payload, answer: Payload, context: Context) -> Payload:
    """From the first topic on, moto's HTTP deliveries come by this way."""
    from moto.sns import models

    models.requests = _Deliveries(context.cloud.log)
    return answer


class _Deliveries:
    """Stands in moto's SNS where it has the `requests` library."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def post(self, url: str, **given: Any) -> None:
        """Deliver to a subscriber on this machine; what fails is told, and is no failure of who published."""
        import requests

        if urlsplit(url).hostname not in HERE:
            self._log.info("a message was not sent beyond this machine", subscriber=url)
            return
        try:
            requests.post(url, timeout=SECONDS, **given)
        except requests.RequestException as error:
            self._log.warning("a subscriber did not take a message", subscriber=url, reason=str(error))
