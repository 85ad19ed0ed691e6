"""How a model runs, the same in the server, on a device and where its speed is measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

COMPILED = ".pt2"
CPU = ("CPUExecutionProvider",)
Array = np.ndarray[Any, np.dtype[Any]]


def open_session(model: Path, threads: int, providers: Sequence[str] = CPU) -> InferenceSession:
    """Open a model with so many threads: an ONNX file on the CPU or where `providers` say, or a compiled package."""
    if model.suffix == COMPILED:
        return CompiledModel(model, threads)
    options = SessionOptions()
    options.intra_op_num_threads = threads
    # Between two operators a thread spins this long before it sleeps: as fast as spinning for ever on a quiet machine,
    # 1.4 times as fast beside busy neighbours, and the processors are free for others as soon as the answer is there.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    return InferenceSession(str(model), options, providers=list(providers))


class CompiledModel:
    """What ml/optimization/compiled.py made, asked as a session is; it needs torch.

    It is a program: open what a bundle signed, and nothing else.
    """

    def __init__(self, package: Path, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._torch, self._answer = torch, torch._inductor.aoti_load_package(str(package))
        self._device = self._answer.loader.get_metadata()["AOTI_DEVICE_KEY"]

    def run(self, _outputs: None, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the answers to the one input, whatever it is called."""
        (values,) = inputs.values()
        with self._torch.inference_mode():
            return [self._answer(self._torch.from_numpy(values).to(self._device)).cpu().numpy()]
