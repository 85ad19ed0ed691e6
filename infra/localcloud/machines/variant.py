"""A production variant: zero or one model server, and the calls that are on their way to it."""

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from infra.localcloud.machines.model_server import Artefacts, ModelServer, ServerPlan
from infra.localcloud.machines.site import Site


class ThrottledError(Exception):
    """A serverless variant has as many calls as its MaxConcurrency allows."""


class RetiredError(Exception):
    """The variant was replaced a moment ago; look its endpoint up again."""


@dataclass(frozen=True)
class Serverless:
    """Runs only while it is called."""

    memory_mb: int
    max_concurrency: int


@dataclass(frozen=True)
class Provisioned:
    """Runs, and costs, from its creation to its deletion."""

    instance_type: str


class Variant:
    """Starts its server when a call needs it; concurrent first calls share one start. Safe from any thread."""

    def __init__(
        self,
        plan: ServerPlan,
        hosting: Serverless | Provisioned,
        site: Site,
        artefacts: Artefacts,
        *,
        is_shadow: bool = False,
    ) -> None:
        self.plan = plan
        self.hosting = hosting
        # It gets copies of calls, and nobody gets its answers.
        self.is_shadow = is_shadow
        self._site = site
        self._artefacts = artefacts
        self._lock = threading.Lock()
        self._server: Future[ModelServer] | None = None
        self._calls = 0
        self._last_call = time.monotonic()
        self._retired = False
        self._asleep = False

    def begin(self) -> "Future[ModelServer]":
        """Admit a call; the future holds the server, at once when it is warm. Pair it with `finish`."""
        with self._lock:
            if self._retired:
                raise RetiredError
            if isinstance(self.hosting, Serverless) and self._calls >= self.hosting.max_concurrency:
                raise ThrottledError
            self._calls += 1
            if isinstance(self.hosting, Serverless):
                share = self._calls / self.hosting.max_concurrency
                place = (self.plan.region, "AWS/SageMaker", self.plan.dimensions)
                self._site.metrics.add(*place, "ServerlessConcurrentExecutionsUtilization", "None", share)
            return self._running()

    def finish(self) -> None:
        """A call has its answer."""
        with self._lock:
            self._calls -= 1
            self._last_call = time.monotonic()
            if (self._retired or self._asleep) and self._calls == 0:
                self._stop()

    def start(self) -> "Future[ModelServer]":
        """Start the server before the first call."""
        with self._lock:
            self._asleep = False
            return self._running()

    def sleep(self) -> None:
        """Stop the server once the last call has its answer: there are no instances any more, until `start`."""
        with self._lock:
            self._asleep = True
            if self._calls == 0:
                self._stop()

    def retire(self) -> None:
        """Take no more calls; stop the server once the last one has its answer."""
        with self._lock:
            self._retired = True
            if self._calls == 0:
                self._stop()

    def rest(self) -> None:
        """Stop a serverless variant that nobody has called for a while: scale to zero."""
        with self._lock:
            idle = self._calls == 0 and time.monotonic() - self._last_call > self._site.settings.serverless_idle_seconds
            if idle and self._warm() and isinstance(self.hosting, Serverless):
                self._stop()
                self._site.cloud.log.info(
                    "endpoint scaled to zero", endpoint=self.plan.endpoint, variant=self.plan.variant
                )

    @property
    def warm(self) -> bool:
        """Whether a server runs and answers."""
        with self._lock:
            return self._warm()

    def _warm(self) -> bool:
        ready = self._server is not None and self._server.done() and self._server.exception() is None
        return ready and self._server is not None and self._server.result().alive

    def _running(self) -> "Future[ModelServer]":
        if self._server is None or (self._server.done() and not self._warm()):
            self._server = Future()
            name = f"start of {self.plan.endpoint}/{self.plan.variant}"
            threading.Thread(target=self._bring_up, args=(self._server,), name=name, daemon=True).start()
        return self._server

    def _bring_up(self, future: "Future[ModelServer]") -> None:
        plan, log = self.plan, self._site.cloud.log
        try:
            server = ModelServer(plan, self._site, self._artefacts)
        except Exception as error:
            log.error("endpoint did not start", endpoint=plan.endpoint, variant=plan.variant, reason=str(error))
            future.set_exception(error)
            return
        milliseconds = round(server.setup_seconds * 1000)
        server.log.write(f"groundplan: cold start {milliseconds} ms")
        log.info("endpoint started", endpoint=plan.endpoint, variant=plan.variant, cold_start_ms=milliseconds)
        setup = ("ModelSetupTime", "Microseconds", server.setup_seconds * 1e6)
        self._site.metrics.add(plan.region, "AWS/SageMaker", plan.dimensions, *setup)
        self._last_call = time.monotonic()
        future.set_result(server)

    def _stop(self) -> None:
        """Stop the server, or the one that is starting as soon as it is up."""
        server, self._server = self._server, None
        if server is not None:
            server.add_done_callback(_stop_when_up)


def _stop_when_up(server: "Future[ModelServer]") -> None:
    if server.exception() is None:
        server.result().stop()
