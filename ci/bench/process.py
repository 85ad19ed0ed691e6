"""Runs a command and measures what it and all its children took."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Usage:
    """Wall seconds, and the peak of the resident memory of the whole process tree in MiB."""

    seconds: float
    peak_mib: float


def measure(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Usage:
    """Run `command` to its end; raise RuntimeError with the tail of its output when it fails."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        peak = 0
        while child.poll() is None:
            peak = max(peak, _resident(child.pid))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.monotonic() - started
        output.seek(0)
        if child.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed with {child.returncode}:\n{output.read()[-2000:]}")
    return Usage(seconds, peak / 2**20)


def _resident(pid: int) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.Error:
        pass
    return total


def best(usages: Sequence[Usage]) -> Usage:
    """Return the smallest time and the smallest peak: noise on a shared machine only ever adds."""
    return Usage(min(usage.seconds for usage in usages), min(usage.peak_mib for usage in usages))


def python(*arguments: str) -> list[str]:
    """Return the command line of this very Python."""
    return [sys.executable, *arguments]
