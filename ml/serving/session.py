"""How a model runs on ONNX Runtime, the same in the server, on a device and where its speed is measured."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions


def open_session(model: Path, threads: int) -> InferenceSession:
    """Open a model on the CPU with so many threads."""
    options = SessionOptions()
    options.intra_op_num_threads = threads
    # Threads spin between the steps of one request, a fifth of its time, and leave the processors to others after it.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
