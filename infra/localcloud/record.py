"""What is known on disk about a running cloud, and how to tell whether it still runs."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.spec.errors import GroundplanError


class CloudError(GroundplanError):
    """The embedded cloud cannot be started, stopped or reached."""


class CloudRecord(BaseModel):
    """`cloud.json`: written by a cloud once it answers, removed when it stops."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    port: int
    url: str
    started_at: datetime
    folder: Path

    def write(self) -> None:
        """Whole or not at all: readers never see half a record."""
        draft = self.folder / f"cloud.json.{self.pid}"
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.replace(record_path(self.folder))


def record_path(folder: Path) -> Path:
    """Where the record of the cloud in `folder` lies."""
    return folder / "cloud.json"


def log_path(folder: Path) -> Path:
    """Where the cloud in `folder` logs, as JSON lines."""
    return folder / "cloud.log"


def read_record(folder: Path) -> CloudRecord | None:
    """The record, or None when there is none that can be read."""
    try:
        return CloudRecord.model_validate_json(record_path(folder).read_text())
    except (FileNotFoundError, ValidationError):
        return None


def health(url: str, timeout_seconds: float) -> dict[str, Any] | None:
    """The health answer at `url`, or None. Proxies of the laptop are not asked about 127.0.0.1."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{url}/_groundplan/health", timeout=timeout_seconds) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (URLError, OSError, ValueError):
        return None


def process_runs(record: CloudRecord) -> bool:
    """Whether the record's process still runs and is that cloud: a pid alone may have gone to another program."""
    import psutil

    try:
        process = psutil.Process(record.pid)
        return process.status() != psutil.STATUS_ZOMBIE and str(record.folder) in process.cmdline()
    except psutil.Error:
        return False
