"""Requests kept with their answers, in SageMaker's own form, for where no platform captures them.

Each flush is a file of its own: `yyyy/mm/dd/hh/MM-SS-mmm-ID.jsonl`. What is kept may be personal: nothing by default.
"""

import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.serving import log

# Past them nothing more is kept: a full disk would end the server, a full memory even sooner.
MOST_BYTES, MOST_BYTES_WAITING = 2**30, 8 * 2**20


class Capture:
    """Keeps a share of all requests."""

    def __init__(self, folder: Path, percent: int) -> None:
        self._folder, self._percent = folder, percent
        self._lines: list[str] = []
        self._waiting = self._written = 0

    def keep(self, request_id: bytes, request: bytes, answer: bytes) -> None:
        """Keep this exchange if it is drawn and there is room."""
        if random.random() * 100 >= self._percent or self._waiting > MOST_BYTES_WAITING:  # noqa: S311
            return
        self._lines.append(json.dumps(_event(request_id.decode(), request, answer)) + "\n")
        self._waiting += len(self._lines[-1])

    def flush(self) -> None:
        """Write what was kept since the last time; in a thread, for disks can be slow."""
        lines, self._lines, size, self._waiting = self._lines, [], self._waiting, 0
        if not lines or self._written > MOST_BYTES:
            return
        self._written += size
        if self._written > MOST_BYTES:
            log.say(event="capture is full", folder=str(self._folder), bytes=MOST_BYTES)
        now = datetime.now(UTC)
        folder = self._folder / f"{now:%Y/%m/%d/%H}"
        name = f"{now:%M-%S}-{now.microsecond // 1000:03}-{os.urandom(8).hex()}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("".join(lines))
        except OSError as error:  # What is kept is a service to those who look later, never a condition of answers.
            log.say(event="capture failed", folder=str(folder), error=str(error))


def _event(request_id: str, request: bytes, answer: bytes) -> dict[str, Any]:
    about = {"eventId": request_id, "inferenceTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    captured = {"endpointInput": _side("INPUT", request), "endpointOutput": _side("OUTPUT", answer)}
    return {"captureData": captured, "eventMetadata": about, "eventVersion": "0"}


def _side(mode: str, body: bytes) -> dict[str, str]:
    data = body.decode(errors="replace")
    return {"observedContentType": "application/json", "mode": mode, "data": data, "encoding": "JSON"}
