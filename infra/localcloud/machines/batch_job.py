"""One Batch job as Batch describes it: its request, its definition, its attempts."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.operations import AwsError

ENDED = ("SUCCEEDED", "FAILED")
EXITED = "Essential container in task exited"
TIMED_OUT = "Job attempt duration exceeded timeout"


def refused(message: str) -> AwsError:
    """Return Batch's answer to a request that cannot be met."""
    return AwsError("ClientException", f"Error executing request, Exception : {message}")


def milliseconds() -> int:
    """The time as Batch tells it."""
    return int(time.time() * 1000)


@dataclass
class BatchJob:
    """What was asked, and what has happened since. `on_change` hears of every new status, in order."""

    request: Payload
    definition: Payload
    queue: Payload
    account: str
    region: str
    on_change: Callable[["BatchJob"], None]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: int = field(default_factory=milliseconds)
    status: str = "SUBMITTED"
    reason: str | None = None
    terminate_reason: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    containers: list[Payload] = field(default_factory=list)
    """What is known of each node's container in the present attempt."""
    attempts: list[Payload] = field(default_factory=list)
    after: Sequence["BatchJob"] = ()
    """The jobs that must succeed before it may run."""
    index: int | None = None
    """Its place in the array `parent`."""
    parent: "BatchJob | None" = None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self.over = threading.Event()

    @property
    def name(self) -> str:
        """The name that its submitter gave it."""
        return str(self.request["jobName"])

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:batch:{self.region}:{self.account}:job/{self.id}"

    @property
    def nodes(self) -> int:
        """How many machines it takes together."""
        overridden = self.request.get("nodeOverrides", {}).get("numNodes")
        return int(overridden or self.definition.get("nodeProperties", {}).get("numNodes", 1))

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED

    @property
    def retry_strategy(self) -> Payload:
        """The request's, or else the definition's, as a whole."""
        found: Payload = self.request.get("retryStrategy") or self.definition.get("retryStrategy") or {}
        return {"attempts": 1, "evaluateOnExit": []} | found

    @property
    def timeout_seconds(self) -> float | None:
        """How long an attempt may take."""
        timeout = self.request.get("timeout") or self.definition.get("timeout") or {}
        return timeout.get("attemptDurationSeconds")

    @property
    def tags(self) -> dict[str, str]:
        """Its own tags, and those of its definition where that hands them on."""
        inherited = self.definition.get("tags", {}) if self.definition.get("propagateTags") else {}
        return {**inherited, **self.request.get("tags", {})}

    def enter(self, status: str, reason: str | None = None) -> bool:
        """Move on; False when it has ended already."""
        with self._lock:
            if self.ended:
                return False
            self.status, self.reason = status, reason
            if status == "RUNNING":
                self.started_at = milliseconds()
            if status in ENDED:
                self.stopped_at = milliseconds()
        if self.ended:
            self.over.set()
        self.on_change(self)
        if self.parent:
            self.parent.look()
        return True

    def look(self) -> None:
        """Take note that a child has changed."""

    def request_end(self, reason: str) -> None:
        """Note that somebody ends it: it is not tried again."""
        with self._lock:
            self.terminate_reason = self.terminate_reason or reason

    def end_attempt(self, reason: str) -> None:
        """Write down how the present attempt ended."""
        with self._lock:
            attempt = {"container": dict(self.containers[0]), "statusReason": reason, "stoppedAt": milliseconds()}
            self.attempts.append(attempt | ({"startedAt": self.started_at} if self.started_at else {}))

    def will_retry(self, reason: str) -> bool:
        """Whether Batch starts it again after an attempt that failed: the first rule that fits decides, or else yes."""
        if self.terminate_reason or reason == TIMED_OUT or len(self.attempts) >= self.retry_strategy["attempts"]:
            return False
        container = self.attempts[-1]["container"]
        code = container.get("exitCode")
        said = {
            "onStatusReason": reason,
            "onReason": container.get("reason", ""),
            "onExitCode": "" if code is None else str(code),
        }
        for rule in self.retry_strategy.get("evaluateOnExit") or []:
            conditions = {name: pattern for name, pattern in rule.items() if name in said}
            # A condition on something that was not said does not hold, not even '*'.
            if all(said[name] and fnmatchcase(said[name], pattern) for name, pattern in conditions.items()):
                return str(rule["action"]).upper() == "RETRY"
        return True

    def summary(self) -> Payload:
        """Its entry in ListJobs."""
        with self._lock:
            told: Payload = {
                "jobArn": self.arn,
                "jobId": self.id,
                "jobName": self.name,
                "jobDefinition": self.definition["jobDefinitionArn"],
                "createdAt": self.created_at,
                "status": self.status,
            }
            for name, value in (
                ("statusReason", self.reason),
                ("startedAt", self.started_at),
                ("stoppedAt", self.stopped_at),
                ("shareIdentifier", self.request.get("shareIdentifier")),
            ):
                told |= {name: value} if value is not None else {}
            if self.nodes > 1:
                told["nodeProperties"] = {"numNodes": self.nodes, "isMainNode": False}
            if self.index is not None:
                told["arrayProperties"] = {"index": self.index}
            return told

    def describe(self, node: int | None = None) -> Payload:
        """Its answer to DescribeJobs, or that of one of its nodes."""
        with self._lock:
            told = {name: value for name, value in self.summary().items() if name != "nodeProperties"}
            told |= {
                "jobQueue": self.queue["jobQueueArn"],
                "attempts": [dict(attempt) for attempt in self.attempts],
                "dependsOn": self.request.get("dependsOn", []),
                "parameters": self.definition.get("parameters", {}) | self.request.get("parameters", {}),
                "retryStrategy": self.retry_strategy,
                "tags": self.tags,
                "isCancelled": False,
                "isTerminated": self.terminate_reason is not None,
            }
            if seconds := self.timeout_seconds:
                told["timeout"] = {"attemptDurationSeconds": seconds}
            told["container"] = dict(self.containers[node or 0]) if self.containers else {}
            if self.nodes > 1:
                told["nodeProperties"] = {**self.definition["nodeProperties"], "numNodes": self.nodes}
            if node is not None:
                told |= {"jobId": f"{self.id}#{node}", "nodeDetails": {"nodeIndex": node, "isMainNode": node == 0}}
            return told

    def told_in_event(self) -> dict[str, Any]:
        """The detail of the event that its status has changed."""
        kept = ("jobArn", "jobName", "jobId", "jobQueue", "status", "statusReason", "attempts", "createdAt")
        more = ("retryStrategy", "startedAt", "stoppedAt", "jobDefinition", "container", "timeout", "tags", "dependsOn")
        described = self.describe()
        return {name: described[name] for name in (*kept, *more, "arrayProperties") if name in described}
