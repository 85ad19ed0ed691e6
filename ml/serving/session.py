"""How a model runs on ONNX Runtime, the same in the server, on a device and where its speed is measured."""

import os
from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions


def open_session(model: Path, threads: int) -> InferenceSession:
    """Open a model on the CPU with so many threads."""
    options = SessionOptions()
    options.intra_op_num_threads = threads
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def available_threads() -> int:
    """Count the processors that this process may use, by its affinity and by its container's cgroup."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.exists():
        quota, period = limit.read_text().split()
        if quota != "max":
            processors = min(processors, max(1, int(quota) // int(period)))
    return processors
