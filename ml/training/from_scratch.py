"""What the same network learns without its pretrained weights: the rival that says what they are worth.

A run from nothing takes as long as a run does, so it is done once, by the model's recipe `scratch`, and recorded beside
the model (`groundplan runs record`). Every later run on the same data names it in its report.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.training.recipe import Recipe

FILE = "from_scratch.json"


def rival(folder: Path, recipe: Recipe, data: str, accuracy: float) -> dict[str, Any]:
    """Return the from-scratch figure that a run is to be read beside: `accuracy`, or None, and in `of` whose it is.

    `folder` is the model's, `data` the version of the run's data, `accuracy` the run's own.
    """
    if not getattr(recipe, "pretrained", False):
        return {"accuracy": accuracy, "of": "this run, which began from nothing"}
    for run in _recorded(folder):
        if (run["data"], run["most_examples"]) == (data, recipe.most_examples):
            return {**run, "of": f"a recorded run of recipe {run['recipe']!r}, {run['steps']} steps on the same rows"}
    rows = f"data {data}" + (f" and most_examples={recipe.most_examples}" if recipe.most_examples else "")
    return {
        "accuracy": None,
        "of": f"none is recorded for {rows}: train by recipe 'scratch', then groundplan runs record ENVIRONMENT JOB",
    }


def record(folder: Path, manifest: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    """Write a run from nothing into the model's folder, in place of one on the same rows; return what is written."""
    recipe = manifest["recipe"]
    run = {
        "accuracy": report["accuracy"],
        "recipe": recipe["name"],
        "steps": report["steps"],
        "data": manifest["data"]["version"],
        "most_examples": recipe["most_examples"],
        "job": manifest["job"],
        "git": manifest["git"],
    }
    rows = ("data", "most_examples")
    others = [other for other in _recorded(folder) if any(other[name] != run[name] for name in rows)]
    (folder / FILE).write_text(json.dumps([*others, run], indent=2) + "\n")
    return run


def _recorded(folder: Path) -> list[dict[str, Any]]:
    path = folder / FILE
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found
