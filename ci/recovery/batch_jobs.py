"""A run's attempts as jobs of a GPU pool, on spot machines or on demand: one folder of checkpoints for all.

Batch takes any number of jobs of one name. So only the keeper that began an attempt submits its job, once, and no
status is ever `NotThere`: an attempt of which nobody has seen a job for a while is given up for the next. Should its
job come late, it reads in the run's state that it has lost its turn, and ends before it does anything
(`ml/launchers/turn.py`); or it had begun just before that was written there, and then the next attempt ends it first.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ci import jobs, pool_jobs
from ci.artifacts import is_there
from ci.known_jobs import BATCH
from ci.recovery.attempt_requests import name_of, request_of
from ci.recovery.keeper import AtWork, Ended, Status, Unknown
from ci.recovery.state import Attempt, Outcome, Purchase
from ci.site import Site

UNSEEN_SECONDS = 120.0
# What Batch says of a machine that was taken away, of one that could not be had, and of a job that was stopped in time.
NO_MACHINE, OUT_OF_TIME = ("Host EC2", "CAPACITY:"), "Job attempt duration exceeded timeout"
# A trainer that was asked to stop has saved and exits so (ml/errors.py).
STOPPED_ORDERLY = 143


class BatchJobs:
    """The jobs of the run `run` on `pool`, all made from one request; `state` is the address of the run's state.

    `spot_share` is what spot costs of the price on demand.
    """

    def __init__(
        self, site: Site, pool: str, run: str, request: jobs.JobRequest, *, state: str, spot_share: float
    ) -> None:
        self._site, self._pool, self._run, self._state, self._spot_share = site, pool, run, state, spot_share
        self._request = request
        self._unseen: dict[int, float] = {}
        self._logs: dict[str, pool_jobs.Log] = {}
        self.place = f"{BATCH}:{pool}"

    def name(self, attempt: Attempt) -> str:
        """Return the name of an attempt's job."""
        return name_of(self._run, attempt)

    def submit(self, attempt: Attempt) -> None:
        """Submit the attempt's job, to the pool's own queue or to the one on demand."""
        request = replace(request_of(self._run, self._request, attempt), turn=(self._state, attempt.number))
        self._end_others(self.name(attempt))
        pool_jobs.start(self._site, self._pool, request)

    def status(self, attempt: Attempt) -> Status:
        """Return what Batch says of the attempt's job."""
        name = self.name(attempt)
        try:
            job = pool_jobs.described(self._site, self._pool, name).get(name)
            forgotten = job is None and is_there(self._site, pool_jobs.artifact(self._site, name))
        except (BotoCoreError, ClientError):
            return Unknown()
        if job is None:
            return self._at_most(attempt) if forgotten else self._unseen_so_far(attempt)
        self._logs.setdefault(name, pool_jobs.Log(self._site, self._pool, job["jobId"]))
        outcome = outcome_of(job)
        if outcome is None:
            return AtWork()
        seconds = pool_jobs.seconds(job)
        share = self._spot_share if attempt.purchase is Purchase.SPOT else 1.0
        return Ended(outcome, seconds, seconds * share)

    def lines(self) -> Iterator[str]:
        """Return what all attempts that were seen have logged since they were asked last."""
        for log in self._logs.values():
            yield from log.read()

    def _end_others(self, name: str) -> None:
        """End what earlier attempts left at work, and wait for that; as a rule there is nothing."""
        while others := [
            job["jobId"]
            for other, job in pool_jobs.described(self._site, self._pool, f"{self._run}-*").items()
            if other != name and job["status"] not in pool_jobs.ENDED
        ]:
            for id in others:
                self._site.client("batch").terminate_job(jobId=id, reason="Its attempt was given up")
            time.sleep(jobs.POLL_SECONDS)

    def _at_most(self, attempt: Attempt) -> Ended:
        """It is so long ago that Batch has forgotten the job; what it cost is counted as high as it can be."""
        return Ended(Outcome.SUCCEEDED, attempt.limit_seconds, attempt.limit_seconds)

    def _unseen_so_far(self, attempt: Attempt) -> Status:
        since = self._unseen.setdefault(attempt.number, time.monotonic())
        gone = time.monotonic() - since > UNSEEN_SECONDS
        return Ended(Outcome.RECLAIMED, 0.0, 0.0) if gone else Unknown()


def outcome_of(job: Any) -> Outcome | None:
    """Read how a job ended off its description; None while it goes on."""
    reason = job.get("statusReason") or ""
    if job["status"] not in pool_jobs.ENDED:
        return None
    if job["status"] == "SUCCEEDED":
        return Outcome.SUCCEEDED
    if reason.startswith(NO_MACHINE):
        return Outcome.RECLAIMED
    if job.get("isTerminated") or job.get("isCancelled"):
        return Outcome.STOPPED
    if reason.startswith(OUT_OF_TIME):
        return Outcome.OUT_OF_TIME
    return Outcome.RECLAIMED if pool_jobs.exit_code(job) == STOPPED_ORDERLY else Outcome.FAILED
