"""Export to ONNX, and the proof: the exported model's numbers beside the trained model's on held-out examples."""

import contextlib
import io
import logging
import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn

from ml.data.datasets import Example
from ml.errors import ParityError
from ml.serving.session import open_session

MODEL_FILE = "model.onnx"
TOGETHER = 32
TIMED_CALLS = 50
# Float32 sums taken in another order differ by about 1e-6 here; a wrong mask, layer or tokenizer by 1e-1 and more.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near the exported model's outputs are to the trained one's, and how often both name the same label."""

    max_abs_diff: float
    tolerance: float
    label_agreement: float
    samples: int


def export(part: ModuleType, network: nn.Module, trained: Path, examples: Sequence[Example], out: Path) -> None:
    """Write the network as one ONNX file with open batch and length."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # torch warns of its own future; what matters here is measured by `parity`.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            network,
            (part.inputs(trained, examples[:2]),),
            out / MODEL_FILE,
            dynamo=True,
            external_data=False,
            input_names=[part.INPUT],
            output_names=[part.OUTPUT],
            dynamic_shapes=(part.OPEN_SHAPE,),
            verbose=False,
        )


def parity(part: ModuleType, network: nn.Module, trained: Path, examples: Sequence[Example], out: Path) -> Parity:
    """Compare both models on the examples, in batches of several lengths; too far apart is an error."""
    session = open_session(out / MODEL_FILE, threads=torch.get_num_threads())
    furthest, agreeing = 0.0, 0
    for start in range(0, len(examples), TOGETHER):
        batch = part.inputs(trained, examples[start : start + TOGETHER])
        with torch.inference_mode():
            expected = network(batch).numpy()
        (got,) = session.run(None, {part.INPUT: batch.numpy()})
        furthest = max(furthest, float(np.abs(got - expected).max()))
        agreeing += int((got.argmax(1) == expected.argmax(1)).sum())
    found = Parity(
        max_abs_diff=furthest, tolerance=TOLERANCE, label_agreement=agreeing / len(examples), samples=len(examples)
    )
    # Written so that a NaN, which is above and below nothing, is refused too.
    if not (furthest <= TOLERANCE and found.label_agreement == 1.0):
        raise ParityError(
            "exported model", found, f"is further than {TOLERANCE} from the trained one", "do not serve it"
        )
    return found


def median_milliseconds(part: ModuleType, trained: Path, examples: Sequence[Example], out: Path, threads: int) -> float:
    """Return the median time of one example through ONNX Runtime."""
    session = open_session(out / MODEL_FILE, threads)
    inputs = [part.inputs(trained, [example]).numpy() for example in examples[:TIMED_CALLS]]
    seconds = []
    for values in inputs[:5] + inputs:
        began = time.perf_counter()
        session.run(None, {part.INPUT: values})
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[5:]) * 1000
