"""Trials as SageMaker training jobs: one name a trial, the study's run and the trial's number."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ci.jobs import JobRequest
from ci.log_tail import TRAINING_JOBS, LogTail
from ci.recovery.keeper import AtWork, NotThere, Unknown
from ci.recovery.sagemaker_jobs import billed_seconds, described, outcome_of, start_once
from ci.recovery.state import Outcome
from ci.site import Site
from ci.tuning.curve import Curve, Signal
from ci.tuning.trials import End, Trial

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

# The account's limits, as SageMaker says them: another look, another chance.
NO_ROOM = {"ResourceLimitExceeded", "ThrottlingException"}


@dataclass(frozen=True)
class Ended:
    """A job that is over, and how."""

    outcome: Outcome
    end: End


@dataclass(frozen=True)
class Look:
    """What the cloud says of a trial's job, and what its log says of how it does."""

    status: NotThere | Unknown | AtWork | Ended
    rungs: dict[int, float] = field(default_factory=dict)


class TrialJobs:
    """The jobs of a study, all made from one request."""

    def __init__(self, site: Site, run: str, request: JobRequest, signal: Signal) -> None:
        self._site, self._run, self._request, self._signal = site, run, request, signal
        self._logs = site.client("logs")
        self._read: dict[int, tuple[LogTail, Curve]] = {}

    def name(self, trial: Trial) -> str:
        """Return the name of a trial's job: SageMaker refuses a second job of a name for ever."""
        return f"{self._run}-{trial.number}"

    def submit(self, trial: Trial) -> bool:
        """Create the trial's job, unless it is there; return False when the account has no room for it now."""
        assert trial.plan
        changes = {name: str(value) for name, value in trial.values.items()}
        request = replace(
            self._request,
            name=self.name(trial),
            hyperparameters={**self._request.hyperparameters, **changes},
            most_seconds=trial.plan.limit_seconds,
        )
        try:
            start_once(self._site, request)
        except ClientError as error:
            if error.response["Error"]["Code"] in NO_ROOM:
                return False
            raise
        return True

    def look(self, trial: Trial) -> Look:
        """Return how the trial's job does."""
        found = described(self._site, self.name(trial))
        if isinstance(found, NotThere | Unknown):
            return Look(found)
        outcome = outcome_of(found)
        # The log after the status: of a job that has ended, all of it is read.
        return Look(Ended(outcome, _end(found, outcome)) if outcome else AtWork(), self._rungs(trial))

    def stop(self, trial: Trial) -> None:
        """Ask the trial's job to save and end; does nothing to one that is not at work."""
        try:
            self._site.client("sagemaker").stop_training_job(TrainingJobName=self.name(trial))
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ValidationException", "ResourceNotFound"} | NO_ROOM:
                raise

    def _rungs(self, trial: Trial) -> dict[int, float]:
        tail, curve = self._read.setdefault(
            trial.number, (LogTail(self._logs, TRAINING_JOBS, f"{self.name(trial)}/"), Curve(self._signal))
        )
        # A log that is late tells it at another look.
        with suppress(ClientError, BotoCoreError):
            curve.read(tail.read())
        return curve.rungs


def _end(job: "DescribeTrainingJobResponseTypeDef", outcome: Outcome) -> End:
    """Read what a job cost and found off its description."""
    metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    reasons = {Outcome.SUCCEEDED: "", Outcome.STOPPED: "it was stopped by hand"}
    if job["SecondaryStatus"] == "MaxRuntimeExceeded":
        reasons[outcome] = f"it took longer than the {job['StoppingCondition']['MaxRuntimeInSeconds']} s it was given"
    return End(
        seconds=billed_seconds(job),
        accuracy=metrics.get("accuracy") if outcome is Outcome.SUCCEEDED else None,
        baseline_accuracy=metrics.get("baseline_accuracy"),
        reason=reasons.get(outcome, job.get("FailureReason", "no reason given")),
    )
