"""A client that calls an endpoint at a constant rate, and keeps what it was answered."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from ci.site import Site

CALLERS = 12


@dataclass(frozen=True)
class Answered:
    """One call: when it was sent, how long it took, and which version answered what; no version where it failed."""

    at: float
    seconds: float
    version: str
    label: str
    # What the SDK did again by itself, which the caller does not see.
    retries: int
    error: str = ""


class Load:
    """Calls one after the other at fixed moments, whatever becomes of those before."""

    def __init__(self, site: Site, region: str, endpoint: str, rate: float) -> None:
        self._site, self._region, self._endpoint, self._rate = site, region, endpoint, rate
        self._stopped, self._lock = threading.Event(), threading.Lock()
        self._answered: list[Answered] = []

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Call for as long as the context is open, and wait for the last answers."""
        began = time.monotonic()
        clients = [self._site.client("sagemaker-runtime", self._region) for _ in range(CALLERS)]
        threads = [
            threading.Thread(target=self._call_on, args=(client, place, began), name=f"caller {place}", daemon=True)
            for place, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def answered(self, since: float = 0.0) -> list[Answered]:
        """Return the calls since then, in the order in which they were sent."""
        with self._lock:
            return sorted((one for one in self._answered if one.at >= since), key=lambda one: one.at)

    def _call_on(self, client: Any, place: int, began: float) -> None:
        random, turn = Random(place), place  # noqa: S311 - letters, nothing secret
        while not self._stopped.wait(max(0.0, began + turn / self._rate - time.monotonic())):
            found = self._call(client, "".join(random.choices("ab", k=5)))
            with self._lock:
                self._answered.append(found)
            turn += CALLERS

    def _call(self, client: Any, text: str) -> Answered:
        from botocore.exceptions import BotoCoreError, ClientError

        body, at, began = json.dumps({"instances": [{"text": text}]}), time.time(), time.perf_counter()
        version = label = error = ""
        retries = 0
        try:
            answer = client.invoke_endpoint(EndpointName=self._endpoint, ContentType="application/json", Body=body)
            retries = answer["ResponseMetadata"]["RetryAttempts"]
            said = json.loads(answer["Body"].read())
            version, label = said["model_version"], said["predictions"][0]["label"]
        except (BotoCoreError, ClientError) as failure:
            error = str(failure)[:200]
        return Answered(at, time.perf_counter() - began, version, label, retries, error)
