"""Export to ONNX, and the proof: the answers of what was made beside those of what it was made from."""

import contextlib
import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from ml.errors import ParityError
from ml.optimization.candidate import Logits

MODEL_FILE = "model.onnx"


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near a step's answers are to those before it, in `unit`, and how often both name the same label.

    Float32 sums taken in another order move logits by about 1e-6; a wrong mask, layer or tokenizer by 1e-1 and more.
    """

    unit: str
    max_abs_diff: float
    tolerance: float
    label_agreement: float
    samples: int


def export(part: ModuleType, network: nn.Module, example: Tensor, out: Path) -> None:
    """Write the network as one ONNX file with open batch and length, its graph optimized by the exporter."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # torch warns of its own future; what matters here is measured by `parity`.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            network,
            (example,),
            out,
            dynamo=True,
            external_data=False,
            input_names=[part.INPUT],
            output_names=[part.OUTPUT],
            dynamic_shapes=(part.OPEN_SHAPE,),
            verbose=False,
        )


def parity(before: Logits, after: Logits, tolerance: float, *, likelihoods: bool = False) -> Parity:
    """Compare logits, or the likelihoods that they mean, of the same examples; too far apart is an error.

    With logits both must name the same label, for they are to be the same but for rounding.
    """
    known, got = (likely(before), likely(after)) if likelihoods else (before, after)
    found = Parity(
        unit="likelihoods" if likelihoods else "logits",
        max_abs_diff=float(np.abs(got - known).max()),
        tolerance=tolerance,
        label_agreement=float((after.argmax(1) == before.argmax(1)).mean()),
        samples=len(before),
    )
    # Written so that a NaN, which is above and below nothing, is refused too.
    if not (found.max_abs_diff <= tolerance and (likelihoods or found.label_agreement == 1.0)):
        rule = f"is further than {tolerance} from what it was made from"
        raise ParityError("optimized model", found, rule, "do not serve it")
    return found


def likely(logits: Logits) -> Logits:
    """Return the likelihood of each label."""
    weights: Logits = np.exp(logits - logits.max(1, keepdims=True))
    likelihoods: Logits = weights / weights.sum(1, keepdims=True)
    return likelihoods
