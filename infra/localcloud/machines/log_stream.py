"""What programs print, on its way to CloudWatch Logs."""

import threading
import time
from contextlib import suppress
from typing import Any

MOST_EVENTS = 1000


class LogStream:
    """Collects lines from any thread; `flush` (the cloud's ticker calls it) sends them in batches.

    A group that is deleted while its stream is in use stays deleted: the lines are then dropped, for whoever tears a
    platform down must not find a group that came back.
    """

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self.group = group
        self.name = stream
        self._logs = logs
        self._pending: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._created = False

    def write(self, line: str) -> None:
        """One event, now. CloudWatch takes no empty ones."""
        if line:
            with self._lock:
                self._pending.append({"timestamp": int(time.time() * 1000), "message": line})

    def flush(self) -> None:
        """Send what is pending, in order."""
        with self._flushing:
            with self._lock:
                pending, self._pending = self._pending, []
            if not pending:
                return
            from botocore.exceptions import ClientError

            try:
                self._create()
                for start in range(0, len(pending), MOST_EVENTS):
                    events = pending[start : start + MOST_EVENTS]
                    self._logs.put_log_events(logGroupName=self.group, logStreamName=self.name, logEvents=events)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise

    def _create(self) -> None:
        if self._created:
            return
        taken = self._logs.exceptions.ResourceAlreadyExistsException
        with suppress(taken):
            self._logs.create_log_group(logGroupName=self.group)
        with suppress(taken):
            self._logs.create_log_stream(logGroupName=self.group, logStreamName=self.name)
        self._created = True
