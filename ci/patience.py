"""Clients of AWS for whoever waits for the answer: an endpoint where nobody answers is given up soon, and named.

botocore waits for a minute, for each address of an endpoint, and does all that again: right for work, not to ask.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

from ci.errors import NoAnswerError

# Whoever asks AWS or GitHub and waits for the answer gives them as long.
PATIENCE_SECONDS = 2.5
FIX = "look at the network between: a firewall, a proxy (HTTPS_PROXY), a VPC endpoint; then run this again"


def give_up_soon(client: Any, seconds: float) -> None:
    """Let the first call of `client` that gets no answer raise `NoAnswerError` after `seconds`, and others then too."""
    patience = _Patience(client, seconds)
    client.meta.events.register_first("before-send", patience.before)
    client.meta.events.register_first("needs-retry", patience.look)


class _Patience:
    def __init__(self, client: Any, seconds: float) -> None:
        self._client, self._seconds = client, seconds
        self._reached, self._silent = False, ""

    def before(self, request: Any, **_: object) -> None:
        """Call the endpoint once by ourselves: botocore would wait for each of its addresses in turn."""
        if self._silent:
            raise self._error()
        if not self._reached and not self._proxies(request.url):
            try:
                _call(request.url, self._seconds)
            except OSError as error:
                self._silent = f"nobody takes calls at {_place(request.url)} ({error})"
                raise self._error() from error
        self._reached = True

    def look(self, caught_exception: Exception | None = None, **_: object) -> None:
        """Retry what AWS refuses for now, such as calls that come too fast, but not where nothing comes back."""
        from botocore.exceptions import ConnectionClosedError, ConnectionError, HTTPClientError

        gone = isinstance(caught_exception, ConnectionError | HTTPClientError)
        if gone and not isinstance(caught_exception, ConnectionClosedError):
            self._silent = str(caught_exception).rstrip(".")
            raise self._error() from caught_exception

    def _proxies(self, url: str) -> Any:
        from botocore.utils import get_environ_proxies

        chosen = self._client.meta.config.proxies
        return get_environ_proxies(url) if chosen is None else chosen

    def _error(self) -> NoAnswerError:
        meta = self._client.meta
        thing = f"{meta.service_model.service_name} in {meta.region_name}"
        return NoAnswerError(thing=thing, value=self._silent, rule=f"within {self._seconds:g} s", fix=FIX)


def _call(url: str, seconds: float) -> None:
    """Open a connection to the first address that answers at all; one that is silent speaks for the others."""
    place, refusal = urlsplit(url), OSError("no address")
    port = place.port or (443 if place.scheme == "https" else 80)
    for family, kind, protocol, _, address in socket.getaddrinfo(place.hostname, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as own:
            own.settimeout(seconds)
            try:
                return own.connect(address)
            except TimeoutError:
                raise
            except OSError as error:
                refusal = error
    raise refusal


def _place(url: str) -> str:
    place = urlsplit(url)
    return f"{place.scheme}://{place.netloc}"
