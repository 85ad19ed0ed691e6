"""What a cluster's jobs say, where CloudWatch keeps it: a stream for each job, in the cluster's log group."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

STREAMS = "jobs/"
# CloudWatch takes 1 MB a call, and 26 bytes more than its text count for each line.
MOST_LINES, MOST_CHARACTERS = 500, 2000


@dataclass(frozen=True)
class Logs:
    """A client of CloudWatch Logs and a group in it."""

    client: Any
    group: str


class JobLog:
    """The stream of a job; one that is there is gone on with."""

    def __init__(self, logs: Logs, job: str) -> None:
        self._logs, self._stream = logs, f"{STREAMS}{job}"
        with suppress(logs.client.exceptions.ResourceAlreadyExistsException):
            logs.client.create_log_stream(logGroupName=logs.group, logStreamName=self._stream)

    def write(self, lines: Sequence[str]) -> None:
        """Add lines."""
        for first in range(0, len(lines), MOST_LINES):
            moment = int(time.time() * 1000)
            events = [
                # An empty line is none to CloudWatch.
                {"timestamp": moment, "message": line[:MOST_CHARACTERS] or " "}
                for line in lines[first : first + MOST_LINES]
            ]
            self._logs.client.put_log_events(
                logGroupName=self._logs.group, logStreamName=self._stream, logEvents=events
            )
