"""Eight bits instead of 32, by ONNX Runtime: which way for which network says docs/decisions/optimization-steps.md."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

Batch = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
# What holds the weights; what lies between them in float32 would only be counted back and forth.
WEIGHTY = ["Conv", "Gather", "Gemm", "MatMul"]


def dynamic(model: Path, out: Path) -> None:
    """Quantize the weights, by channel; the ranges of what flows through are taken anew for each input."""
    whole = onnx.load(model)
    # The exporter's notes on shapes are those of float32, at which the quantizer stumbles.
    del whole.graph.value_info[:]
    with _quiet():
        quantize_dynamic(whole, out, weight_type=QuantType.QInt8, per_channel=True)


def static(model: Path, out: Path, name: str, batches: Iterable[Batch]) -> None:
    """Quantize weights, by channel, and what flows through, by the ranges that these batches of input `name` take.

    What gives the answers stays as it is: its few weights are no gain, and answers in 256 steps would be a loss.
    """
    graph = onnx.load(model).graph
    answers = {output.name for output in graph.output}
    with _quiet():
        quantize_static(
            model,
            out,
            _Calibration(name, iter(batches)),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=WEIGHTY,
            nodes_to_exclude=[node.name for node in graph.node if answers & set(node.output)],
        )


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, batches: Iterator[Batch]) -> None:
        self._name, self._batches = name, batches

    def get_next(self) -> dict[str, Batch] | None:
        """Return the next batch as the model's input."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back its advice to have the graph optimized first: the exporter has done that."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
