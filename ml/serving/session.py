"""How a model runs on ONNX Runtime, the same in the server, on a device and where its speed is measured."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions


def open_session(model: Path, threads: int) -> InferenceSession:
    """Open a model on the CPU with so many threads."""
    options = SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait win a tenth on a quiet machine and lose half of the speed beside busy neighbours.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
