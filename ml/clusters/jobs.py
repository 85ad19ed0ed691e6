"""Does what a cluster is asked to do: each order a process on the head, which trains on the workers.

A head that is new finds the jobs of the one before still running and begins them again: they go on from their
checkpoints.
"""

import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from ml.clusters import orders
from ml.clusters.job_log import JobLog, Logs
from ml.clusters.orders import JobState, Order, Status
from ml.errors import InputError, MlError
from ml.s3_folder import S3Folder

COMMAND = (sys.executable, "-m", "ml.clusters")
# So often a job is begun before it counts as one that takes its head down.
MOST_STARTS = 5
STOP_SECONDS, ALIVE_SECONDS = 30.0, 20.0


class Work:
    """A job's process, with what it has said since it was asked last."""

    def __init__(self, command: Sequence[str], address: str, order: Order) -> None:
        shape = (f"--workers={order.workers}", f"--cpus={order.cpus}", f"--gpus={order.gpus}")
        words = ("--address", address, "train", order.assignment.written(), *shape)
        self._process = subprocess.Popen(
            [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._lines = deque[str]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._asked_to_stop: float | None = None

    @property
    def stopped(self) -> bool:
        """Whether somebody asked for its end."""
        return self._asked_to_stop is not None

    def exit_code(self) -> int | None:
        """Return how it ended, once all that it said was read."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(timeout=STOP_SECONDS)
        return code

    def said(self) -> list[str]:
        """Return the lines that have come."""
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def stop(self) -> None:
        """Ask it to end; after a while end it."""
        if self._asked_to_stop is None:
            self._asked_to_stop = time.monotonic()
            self._process.terminate()
        elif time.monotonic() - self._asked_to_stop > STOP_SECONDS:
            self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as said:
            for line in said:
                self._lines.append(line.rstrip())


class Jobs:
    """The jobs of the cluster whose head is at `address`; `folder` is the cluster's own, `logs` where they write."""

    def __init__(self, address: str, folder: str, logs: Logs, command: Sequence[str] = COMMAND) -> None:
        self._address, self._logs, self._command, self._home = address, logs, command, S3Folder(folder)
        self._orders, self._stops, self._states = (
            S3Folder(f"{folder.rstrip('/')}/{name}") for name in (orders.ORDERS, orders.STOPS, orders.STATES)
        )
        self._name = secrets.token_hex(8)
        self._running: dict[str, tuple[Work, JobLog, JobState]] = {}
        self._over = set[str]()
        self._told_alive = 0.0

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return bool(self._running)

    def serve(self, every: float) -> None:
        """Look after all of them until SIGTERM."""
        signal.signal(signal.SIGTERM, _leave)
        try:
            while True:
                try:
                    self.look()
                except (MlError, BotoCoreError, ClientError) as error:  # AWS is away: what runs goes on.
                    print(f"warning {error}", file=sys.stderr, flush=True)
                time.sleep(every)
        finally:
            for work, _, _ in self._running.values():
                work.stop()

    def look(self) -> None:
        """Begin what was ordered, attend to what runs, and say that somebody is here."""
        waiting = {name.removesuffix(".json") for name in self._orders.sizes()} - self._over - self._running.keys()
        for job in sorted(waiting):
            self._begin(job)
        stops = self._stops.sizes() if self._running else {}
        for job in list(self._running):
            self._attend(job, stop=job in stops)
        if time.monotonic() - self._told_alive > ALIVE_SECONDS or not self._told_alive:
            self._home.write(orders.ALIVE, str(time.time()).encode())
            self._told_alive = time.monotonic()

    def _begin(self, job: str) -> None:
        state = self._known(job)
        if state.status is not Status.RUNNING:
            self._over.add(job)
            return
        log = JobLog(self._logs, job)
        if state.starts >= MOST_STARTS:
            log.write([f"error: job {job} was begun {state.starts} times, and the head did not outlive it"])
            self._end(job, state, Status.FAILED, None)
            return
        try:
            order = orders.read_order(self._orders.read(f"{job}.json"))
        except InputError as error:
            log.write([f"error: {error}"])
            self._end(job, state, Status.FAILED, error.exit_code)
            return
        state = replace(state, starts=state.starts + 1, head=self._name)
        self._states.write(f"{job}.json", state.written())
        self._running[job] = (Work(self._command, self._address, order), log, state)

    def _known(self, job: str) -> JobState:
        """Return what an earlier head wrote down of a job, or the state of a new one."""
        if f"{job}.json" in self._states.sizes():
            return orders.read_state(self._states.read(f"{job}.json"))
        return JobState(status=Status.RUNNING, starts=0, head="", began=time.time())

    def _attend(self, job: str, *, stop: bool) -> None:
        work, log, state = self._running[job]
        if stop or not self._is_mine(job):
            work.stop()
        code = work.exit_code()
        log.write(work.said())
        if code is None:
            return
        if self._is_mine(job):
            status = Status.STOPPED if work.stopped else Status.FAILED if code else Status.SUCCEEDED
            self._end(job, state, status, code)
        del self._running[job]
        self._over.add(job)

    def _is_mine(self, job: str) -> bool:
        """Whether no other head has begun the job since, which may be while one takes the other's place."""
        return orders.read_state(self._states.read(f"{job}.json")).head == self._name

    def _end(self, job: str, state: JobState, status: Status, code: int | None) -> None:
        ended = replace(state, status=status, ended=time.time(), exit_code=code)
        self._states.write(f"{job}.json", ended.written())
        self._over.add(job)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)
