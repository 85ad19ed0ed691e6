"""One training job as SageMaker describes it."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.site import now
from infra.localcloud.machines.storage import S3Uri
from infra.prices import prices

MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
}
FINAL = {"Completed": "Completed", "Failed": "Failed", "Stopped": "Stopped", "MaxRuntimeExceeded": "Stopped"}
"""Secondary statuses that end a job → the status that they end it in."""

LONGEST_REASON = 1024


@dataclass
class TrainingJob:
    """The request and all that has happened since."""

    request: Payload
    arn: str
    account: str
    region: str
    created_at: datetime = field(default_factory=now)
    status: str = "InProgress"
    stop_requested: bool = False
    failure_reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    on_end: Callable[["TrainingJob"], None] = lambda job: None
    """Called once, before anybody can see that the job has ended."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._transitions: list[dict[str, Any]] = []
        self._metrics: dict[str, tuple[float, datetime]] = {}
        self.modified_at = self.created_at
        self.enter("Starting")

    @property
    def name(self) -> str:
        """TrainingJobName."""
        return str(self.request["TrainingJobName"])

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL.values()

    @property
    def output(self) -> S3Uri:
        """Where the job's archives go."""
        return S3Uri.parse(self.request["OutputDataConfig"]["S3OutputPath"]) / self.name / "output"

    @property
    def seconds(self) -> int:
        """Training time in whole seconds."""
        if self.started_at is None:
            return 0
        return max(1, math.ceil(((self.ended_at or now()) - self.started_at).total_seconds()))

    @property
    def billable_seconds(self) -> int:
        """What is billed on each instance, at the price on demand: of a spot machine as much less as spot saves."""
        spot = self.request.get("EnableManagedSpotTraining", False)
        return math.ceil(self.seconds * prices()["spot-factor", self.region].usd) if spot else self.seconds

    def enter(self, phase: str, reason: str | None = None) -> None:
        """Move on to a secondary status; the time of the last one ends where this one's begins."""
        moment = now()
        with self._lock:
            if self.ended:
                return
            if self._transitions:
                self._transitions[-1]["EndTime"] = moment
            self._transitions.append({"Status": phase, "StartTime": moment, "StatusMessage": reason or MESSAGES[phase]})
            self.modified_at = moment
            if phase == "Stopping":
                self.status = "Stopping"
            if phase in FINAL:
                self._transitions[-1]["EndTime"] = moment
                self.failure_reason = reason[:LONGEST_REASON] if reason else None
                self.ended_at = moment
                self.status = FINAL[phase]
                self.on_end(self)

    def request_stop(self) -> bool:
        """Note that somebody wants it to end; False when it has ended already."""
        with self._lock:
            if self.ended:
                return False
            if not self.stop_requested:
                self.stop_requested = True
                self.enter("Stopping")
            return True

    def observe(self, metric: str, value: float) -> None:
        """A value that a metric definition found in the log; the last one is the final one."""
        with self._lock:
            self._metrics[metric] = (value, now())

    def describe(self) -> Payload:
        """The answer to DescribeTrainingJob."""
        with self._lock:
            answer = {name: value for name, value in self.request.items() if name != "Tags"} | {
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self._transitions[-1]["Status"],
                "SecondaryStatusTransitions": [dict(transition) for transition in self._transitions],
                "CreationTime": self.created_at,
                "LastModifiedTime": self.modified_at,
                "ModelArtifacts": {"S3ModelArtifacts": str(self.output / "model.tar.gz")},
                "FinalMetricDataList": [
                    {"MetricName": name, "Value": value, "Timestamp": moment}
                    for name, (value, moment) in self._metrics.items()
                ],
            }
            if self.failure_reason:
                answer["FailureReason"] = self.failure_reason
            if self.started_at:
                answer |= {"TrainingStartTime": self.started_at, "TrainingTimeInSeconds": self.seconds}
                answer |= {"BillableTimeInSeconds": self.billable_seconds} if self.ended else {}
            if self.ended_at:
                answer["TrainingEndTime"] = self.ended_at
            return answer

    def summary(self) -> Payload:
        """Its entry in ListTrainingJobs."""
        named = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime")
        description = self.describe()
        kept = (*named, "TrainingJobStatus", "SecondaryStatus")
        return {name: description[name] for name in kept if name in description}
