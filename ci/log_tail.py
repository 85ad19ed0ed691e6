"""Follows CloudWatch Logs of a job or an endpoint."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"
ENDPOINTS = "/aws/sagemaker/Endpoints"


@dataclass
class LogTail:
    """All streams of a log group whose names begin with `prefix`, read from where the last read ended."""

    logs: "CloudWatchLogsClient"
    group: str
    prefix: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)

    def read(self) -> Iterator[str]:
        """Yield the lines that have come since the last read; none when there is no such log yet."""
        for stream in self._streams():
            yield from self._new_lines(stream)

    def _streams(self) -> list[str]:
        try:
            found = self.logs.describe_log_streams(logGroupName=self.group, **self._filter())  # type: ignore[arg-type]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [stream["logStreamName"] for stream in found["logStreams"]]

    def _filter(self) -> dict[str, str]:
        return {"logStreamNamePrefix": self.prefix} if self.prefix else {}

    def _new_lines(self, stream: str) -> Iterator[str]:
        while True:
            seen = self._tokens.get(stream)
            after = {"nextToken": seen} if seen else {}
            page = self.logs.get_log_events(
                logGroupName=self.group,
                logStreamName=stream,
                startFromHead=True,
                **after,  # type: ignore[arg-type]
            )
            yield from (event["message"] for event in page["events"])
            self._tokens[stream] = page["nextForwardToken"]
            # The same token twice is how the service says that there is no more for now.
            if page["nextForwardToken"] == seen or not page["events"]:
                return
