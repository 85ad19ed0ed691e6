"""Export to ONNX, and the proof: the exported model's numbers beside the trained model's on held-out examples."""

from dataclasses import dataclass

MODEL_FILE = "model.onnx"
SAMPLES = 256
TOGETHER = 32
# Float32 sums in another order: measured differences are near 1e-6 (docs/decisions/onnx-parity.md), a wrong mask or layer gives 1e-1.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near the exported model's outputs are to the trained model's, and how often they name the same label."""

    max_abs_diff: float
    tolerance: float
    label_agreement: float
    samples: int
