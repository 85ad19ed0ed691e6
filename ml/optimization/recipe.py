"""An optimization recipe: typed steps from a trained model to the one that is served, and the gates on its way.

A model's `OPTIMIZATIONS` names its own, beside `exact`, which every model has.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from ml.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a network is taught another's answers; at a `temperature` above 1 the unlikely labels count for more.

    With `quantization_aware` it learns while it counts in eight bits (rounding.py), for a static `Quantize` to come.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 2e-3
    temperature: float = 2.0
    seed: int = 1
    quantization_aware: bool = False


@dataclass(frozen=True, kw_only=True)
class Distil:
    """Teach a small network of the model's own (`student`, a value of its student.py) what the trained one answers.

    It learns by the training texts, by those of elsewhere.py, and by what student.py makes of them; nobody reads their
    labels.
    """

    student: Any
    course: Course


@dataclass(frozen=True, kw_only=True)
class Prune:
    """Take a share of the channels out of every layer, those with the smallest weights, and teach the rest again.

    Channels of a layer stay a multiple of `round_to`, which the processor's instructions like.
    """

    share: float
    course: Course
    round_to: int = 8


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write the network as ONNX, its graph optimized, numerically the same within `tolerance` (of logits)."""

    tolerance: float = 1e-4


@dataclass(frozen=True, kw_only=True)
class Quantize:
    """Count in 8 bits: `static` for convolutions, `dynamic` for transformers: docs/decisions/optimization-steps.md.

    `static` fixes the ranges of what flows through the network by `calibration` texts, drawn by chance. No likelihood
    may move by more than `tolerance`.
    """

    how: Literal["static", "dynamic"]
    calibration: int = 512
    tolerance: float = 0.1


Step = Distil | Prune | Export | Quantize


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Machine code for the processor that optimizes, or its GPU, beside the served file: `model.pt2`, by AOTInductor.

    Made of the network that `Export` exports, the same within `tolerance` (of logits). It takes a C++ compiler; where
    none is, an `optional` one is left out.
    """

    tolerance: float = 1e-4
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class TensorRT:
    """An engine for the GPU that optimizes, beside the served file: `model.tensorrt.onnx`, by ONNX Runtime.

    Made of the exported file for any `batch` and `length` from the first to the last number, fastest at the middle one;
    with `half` in 16 bits where they are faster. No likelihood may move by more than `tolerance`. Where no GPU is, an
    `optional` one is left out.
    """

    batch: tuple[int, int, int] = (1, 8, 32)
    length: tuple[int, int, int] = (1, 32, 128)
    half: bool = True
    tolerance: float = 0.02
    optional: bool = False

    def __post_init__(self) -> None:
        for name, (least, best, most) in (("batch", self.batch), ("length", self.length)):
            if not 1 <= least <= best <= most:
                fix = "give the least, the best and the most, such as (1, 8, 32)"
                raise InputError(f"TensorRT {name!r}", (least, best, most), "does not rise from 1 on", fix)


Package = Compiled | TensorRT


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What a model must be to be served; None asks nothing.

    `accuracy` is the mean over the text domains that are measured, `points` are hundredths of it, lost since the
    trained model; milliseconds are the median of one example on one thread, bytes those of the model's file.
    """

    least_accuracy: float | None = None
    most_points_lost: float | None = None
    least_slice_accuracy: float | None = None
    most_milliseconds: float | None = None
    most_bytes: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            # Written so that a NaN, which no number is above or below, is refused too.
            if (value := getattr(self, field.name)) is not None and not value >= 0:
                raise InputError(f"gate {field.name!r}", value, "is no number from 0 on", "give one, or leave it away")


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """Steps in their order, the gates, and what is measured: with `elsewhere`, texts of other domains too.

    The last step's file is what is served; `packages` are made beside it, measured and held to the gates of accuracy.
    Of each set `most_judged` held-out texts are (0: all).
    Each size of batch is timed for `timed_seconds`, at least five calls.
    """

    steps: tuple[Step, ...]
    packages: tuple[Package, ...] = ()
    gates: Gates = Gates(most_points_lost=0.5)
    elsewhere: bool = False
    most_judged: int = 0
    timed_seconds: float = 0.5

    def __post_init__(self) -> None:
        order = [ORDER.index(type(step)) for step in self.steps]
        if order != sorted(order) or order.count(ORDER.index(Export)) != 1:
            names = ", ".join(type(step).__name__ for step in self.steps) or "none"
            rule = "are not in their order, or are not exported once"
            raise InputError(
                "optimization steps", names, rule, "give Distil, Prune, Export, Quantize; Export is a must"
            )
        if any(isinstance(step, Prune) for step in self.steps) and not isinstance(self.steps[0], Distil):
            fix = "give a Distil before it"
            raise InputError("optimization step", "Prune", "has nothing to teach what is left", fix)
        kinds = [type(package).__name__ for package in self.packages]
        if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
            fix = "give each once: both would be one file"
            raise InputError("optimization packages", ", ".join(sorted(twice)), "are given twice", fix)


ORDER = (Distil, Prune, Export, Quantize)
# All held-out texts would take longer than all the rest of it; a defect in an export shows in any of them.
EXACT = Optimization(steps=(Export(),), most_judged=512)
