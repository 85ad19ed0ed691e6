"""How a model runs on ONNX Runtime, the same in the server, on a device and where its speed is measured."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions


def open_session(model: Path, threads: int) -> InferenceSession:
    """Open a model on the CPU with so many threads."""
    options = SessionOptions()
    options.intra_op_num_threads = threads
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
