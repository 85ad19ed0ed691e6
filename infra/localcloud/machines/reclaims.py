"""Spot machines that are taken away: a recommendation to move, a warning, and then the machine is gone."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from infra.localcloud.instance_metadata import INTERRUPTION_NEWS, REBALANCE_NEWS
from infra.localcloud.machines.event_bus import send_event
from infra.localcloud.machines.site import Site

NOTICE_SECONDS = 120
"""AWS warns two minutes before it takes a spot machine away."""

Gone = Callable[[str, str, Sequence[str]], None]
Warned = Callable[[str, Sequence[str]], None]


class Reclaims:
    """Takes machines away as AWS does.

    `on_warned` hears the news and the machines' ids; `on_gone` the account, the region and these ids.
    """

    def __init__(self, site: Site, on_warned: Warned, on_gone: Gone) -> None:
        self._site = site
        self._on_warned, self._on_gone = on_warned, on_gone
        self._timers: list[threading.Timer] = []

    def take(self, account: str, region: str, machines: Sequence[str], seconds: float) -> None:
        """Recommend to move at once, warn in time, and take the machines away after so many seconds.

        A cloud that is less patient than AWS (`settings.json`) keeps the proportion between warning and end.
        """
        if not machines:
            return
        pace = self._site.settings.reclaim_notice_seconds / NOTICE_SECONDS
        self._tell(account, region, REBALANCE_NEWS, machines, {})
        warn_in = max(0.0, seconds - NOTICE_SECONDS) * pace
        self._later(warn_in, self._warn, account, region, machines)
        self._later(seconds * pace, self._end, account, region, machines)

    def stop(self) -> None:
        """Take nothing away any more."""
        for timer in self._timers:
            timer.cancel()

    def _later(self, seconds: float, act: Callable[..., None], *arguments: object) -> None:
        if seconds <= 0:
            act(*arguments)
            return
        timer = threading.Timer(seconds, act, arguments)
        timer.daemon = True
        self._timers = [*(one for one in self._timers if one.is_alive()), timer]
        timer.start()

    def _warn(self, account: str, region: str, machines: Sequence[str]) -> None:
        self._tell(account, region, INTERRUPTION_NEWS, machines, {"instance-action": "terminate"})

    def _end(self, account: str, region: str, machines: Sequence[str]) -> None:
        try:
            self._site.cloud.client("ec2", region).terminate_instances(InstanceIds=list(machines))
            self._site.cloud.log.info("spot machines taken away", region=region, machines=list(machines))
            self._on_gone(account, region, machines)
        except Exception:
            self._site.cloud.log.error("spot machines were not taken away", region=region, machines=list(machines))

    def _tell(self, account: str, region: str, what: str, machines: Sequence[str], detail: dict[str, Any]) -> None:
        self._on_warned(what, machines)
        for machine in machines:
            arn = f"arn:aws:ec2:{region}:{account}:instance/{machine}"
            send_event(self._site.cloud, account, region, "aws.ec2", what, {"instance-id": machine, **detail}, arn)
