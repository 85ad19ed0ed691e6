"""One embedded cloud: what every operation and every machine of it shares."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infra.localcloud.event_log import EventLog

Payload = dict[str, Any]
"""The body of an AWS request or answer, as boto3 shows it."""

TEST_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Cloud:
    """The state that this project keeps beside moto's: resources of our own, clients to itself, hooks run at stop."""

    def __init__(self, *, name: str, folder: Path, url: str, program: Path, log: EventLog) -> None:
        self.name = name
        self.folder = folder
        self.url = url
        self.program = program
        self.log = log
        self.started_at = time.time()
        self.lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._stop_hooks: list[tuple[str, Callable[[], None]]] = []
        self._gauges: dict[str, Callable[[], int]] = {}
        self._resources: dict[tuple[str, str, str, str], dict[str, Payload]] = {}
        self._notes: dict[tuple[str, str, str, str], dict[str, Payload]] = {}

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of this very cloud. Call it outside any lock of yours: the request comes back in by HTTP."""
        import boto3
        from botocore.config import Config

        with self.lock:
            if (service, region) not in self._clients:
                config = Config(
                    retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=32
                )
                make: Any = boto3.session.Session(region_name=region).client
                self._clients[service, region] = make(service, endpoint_url=self.url, config=config, **TEST_CREDENTIALS)
            return self._clients[service, region]

    def resources(self, service: str, kind: str, *, account: str, region: str) -> dict[str, Payload]:
        """The table of one kind of resource that this layer owns, id → body. Whatever is in it is in the inventory."""
        with self.lock:
            return self._resources.setdefault((service, kind, account, region), {})

    def notes(self, service: str, kind: str, *, account: str, region: str) -> dict[str, Payload]:
        """A table of what moto forgets about resources that moto owns. Not in the inventory."""
        with self.lock:
            return self._notes.setdefault((service, kind, account, region), {})

    def all_resources(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(service, kind, account, region, id) of every resource that this layer owns."""
        with self.lock:
            tables = list(self._resources.items())
        for key, table in tables:
            yield from ((*key, identifier) for identifier in list(table))

    def on_stop(self, name: str, hook: Callable[[], None]) -> None:
        """Run `hook` when the cloud stops: machines end their processes there. Last registered, first run."""
        self._stop_hooks.append((name, hook))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Show a number in the health answer, for example `jobs_running`."""
        self._gauges[name] = read

    def gauges(self) -> dict[str, int]:
        """What the health answer shows besides status, pid, name and uptime."""
        return {"jobs_running": 0, "endpoints_warm": 0} | {name: read() for name, read in self._gauges.items()}

    def stop(self) -> None:
        """Run every stop hook, also when one of them fails."""
        while self._stop_hooks:
            name, hook = self._stop_hooks.pop()
            try:
                hook()
            except Exception:
                self.log.error("stop hook failed", hook=name)
