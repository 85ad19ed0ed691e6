"""The cloud's structured log: one JSON object a line, so that people can grep it and programs can read it."""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import TextIO


class EventLog:
    """Writes events with their fields; safe to call from any thread."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def info(self, event: str, **fields: object) -> None:
        """Something happened that an operator may want to follow."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something looks wrong, and the cloud carries on as asked."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something failed. Inside an `except` block the traceback is added."""
        if sys.exc_info()[0] is not None:
            fields.setdefault("traceback", traceback.format_exc())
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "event": event, **fields}
        text = json.dumps(line, default=str)
        with self._lock:
            self._stream.write(text + "\n")
            self._stream.flush()


class LibraryHandler(logging.Handler):
    """Carries the warnings of moto, werkzeug and uvicorn into the same log."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One library record becomes one event, with its traceback when it carries one."""
        fields: dict[str, object] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            fields["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        write("library", **fields)
