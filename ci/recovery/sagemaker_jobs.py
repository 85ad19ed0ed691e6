"""A run's attempts as SageMaker training jobs: one name a number, one folder of checkpoints for all."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ci import jobs
from ci.known_jobs import SAGEMAKER
from ci.log_tail import TRAINING_JOBS, LogTail
from ci.recovery.attempt_requests import name_of, request_of
from ci.recovery.keeper import AtWork, Ended, NotThere, Status, Unknown
from ci.recovery.state import Attempt, Outcome
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

# What SageMaker says when it had no machine, or took one back, and gave up waiting for another.
NO_MACHINE = ("CapacityError", "InsufficientCapacity", "InsufficientInstanceCapacity", "Interrupted")
# A trainer that was asked to stop has saved and exits so (ml/errors.py).
STOPPED_ORDERLY = "exit code: 143"


class SageMakerJobs:
    """The jobs of the run `run`, all made from one request."""

    def __init__(self, site: Site, run: str, request: jobs.JobRequest) -> None:
        self._site, self._run, self._request = site, run, request
        self._tail = LogTail(site.client("logs"), TRAINING_JOBS, f"{run}-")
        self.place = SAGEMAKER

    def name(self, attempt: Attempt) -> str:
        """Return the name of an attempt's job: SageMaker refuses a second job of a name for ever."""
        return name_of(self._run, attempt)

    def submit(self, attempt: Attempt) -> None:
        """Create the attempt's job, unless it is there."""
        start_once(self._site, request_of(self._run, self._request, attempt))

    def status(self, attempt: Attempt) -> Status:
        """Return what SageMaker says of the attempt's job."""
        found = described(self._site, self.name(attempt))
        if isinstance(found, NotThere | Unknown):
            return found
        outcome = outcome_of(found)
        if outcome is None:
            return AtWork()
        return Ended(outcome, float(found.get("TrainingTimeInSeconds", 0)), billed_seconds(found))

    def lines(self) -> Iterator[str]:
        """Return what all attempts have logged since they were asked last."""
        return self._tail.read()


def start_once(site: Site, request: jobs.JobRequest) -> None:
    """Create the job that the request names, unless there is, or ever was, one of that name."""
    try:
        jobs.start(site, request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise


def described(site: Site, name: str) -> "DescribeTrainingJobResponseTypeDef | NotThere | Unknown":
    """Return a job's description, or that SageMaker never had it, or that it does not say."""
    try:
        found: DescribeTrainingJobResponseTypeDef = site.client("sagemaker").describe_training_job(TrainingJobName=name)
    except ClientError as error:
        missing = error.response["Error"]["Code"] in {"ValidationException", "ResourceNotFound"}
        return NotThere() if missing else Unknown()
    except BotoCoreError:
        return Unknown()
    return found


def billed_seconds(job: Any) -> float:
    """Return for how many seconds a job that ended is billed at the price on demand: spot costs less of them."""
    return float(job.get("BillableTimeInSeconds", job.get("TrainingTimeInSeconds", 0)))


def outcome_of(job: Any) -> Outcome | None:
    """Read how a job ended off its description; None while it goes on."""
    status, reason = job["TrainingJobStatus"], job.get("FailureReason", "")
    if status == "Completed":
        return Outcome.SUCCEEDED
    if status == "Failed":
        reclaimed = STOPPED_ORDERLY in reason or any(word in reason for word in NO_MACHINE)
        return Outcome.RECLAIMED if reclaimed else Outcome.FAILED
    if status == "Stopped":
        return {"MaxWaitTimeExceeded": Outcome.RECLAIMED, "MaxRuntimeExceeded": Outcome.OUT_OF_TIME}.get(
            job["SecondaryStatus"], Outcome.STOPPED
        )
    return None
