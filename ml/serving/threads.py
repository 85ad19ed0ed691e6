"""How many processors there are to use; apart from the session, so that an empty server imports no runtime."""

import os
from pathlib import Path


def available_threads() -> int:
    """Count the processors that this process may use, by its affinity and by its container's cgroup."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.exists():
        quota, period = limit.read_text().split()
        if quota != "max":
            processors = min(processors, max(1, int(quota) // int(period)))
    return processors
