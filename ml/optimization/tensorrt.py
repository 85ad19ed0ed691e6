"""An engine of TensorRT, built by ONNX Runtime for the GPU at hand and kept in an ONNX file that opens without a build.

The options are those of ONNX Runtime's TensorRT execution provider (its documentation: "EPContext", "Explicit range of
dynamic input shape").
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import onnxruntime

from ml.errors import InputError
from ml.optimization.recipe import TensorRT

TENSORRT_FILE = "model.tensorrt.onnx"
PROVIDER = "TensorrtExecutionProvider"
# What TensorRT cannot take goes to the next.
PROVIDERS = (PROVIDER, "CUDAExecutionProvider", "CPUExecutionProvider")


def lacks() -> tuple[str, str] | None:
    """Return what this machine lacks to build an engine, and what to do."""
    if PROVIDER in (found := onnxruntime.get_available_providers()):
        return None
    told = f"ONNX Runtime offers no {PROVIDER} on the machine that optimizes, only {', '.join(found)}"
    return told, "optimize where a GPU, TensorRT and onnxruntime-gpu are"


def build(step: TensorRT, part: ModuleType, model: Path, shape: Sequence[int], out: Path) -> None:
    """Build the engine of an ONNX file and write it embedded in another; `shape` is that of some input."""
    wanted = [(PROVIDER, options(step, part, shape, out)), *PROVIDERS[1:]]
    # The engine is built and written while the session opens, for its shapes are given.
    onnxruntime.InferenceSession(str(model), providers=wanted)
    if not out.exists():
        rule = "left no engine: its libraries are not there, or it took in only a part of the network"
        raise InputError("package", "TensorRT", rule, "see what ONNX Runtime says of it in the log above")


def options(step: TensorRT, part: ModuleType, shape: Sequence[int], out: Path) -> Mapping[str, str | int | bool]:
    """Return the provider's options; what the network leaves open is batch and length, all else is as in `shape`."""
    ranges = {place: (size, size, size) for place, size in enumerate(shape)}
    ranges |= {place: found for place, found in enumerate((step.batch, step.length)) if place in part.OPEN_SHAPE}
    least, best, most = (f"{part.INPUT}:{'x'.join(map(str, sizes))}" for sizes in zip(*ranges.values(), strict=True))
    return {
        "trt_engine_cache_enable": True,
        # Beside the file: it takes no absolute path.
        "trt_engine_cache_path": "engines",
        "trt_dump_ep_context_model": True,
        "trt_ep_context_file_path": str(out),
        "trt_ep_context_embed_mode": 1,
        "trt_profile_min_shapes": least,
        "trt_profile_opt_shapes": best,
        "trt_profile_max_shapes": most,
        "trt_fp16_enable": step.half,
    }
