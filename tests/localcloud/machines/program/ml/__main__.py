"""`train` runs the hyperparameter `code`, `run` its argument; `serve` is a model server that does as it is told.

A job of Batch finds its hyperparameters in the assignment that its launcher gave it, as in the real `ml`.
"""

import json
import os
import sys
from pathlib import Path

BASE = Path(os.environ["SAGEMAKER_BASE_DIR"])


def train() -> None:
    assignment = json.loads(os.environ.get("GROUNDPLAN_ASSIGNMENT", "{}"))
    asked = BASE / "input/config/hyperparameters.json"
    hyperparameters = assignment.get("hyperparameters") or json.loads(asked.read_text())
    exec(
        compile(hyperparameters["code"], "code", "exec"),
        {"base": BASE, **assignment, "hyperparameters": hyperparameters},
    )


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train()
    elif sys.argv[1] == "run":
        exec(compile(sys.argv[2], "code", "exec"), {"base": BASE})
    else:
        from ml import server

        server.serve(BASE)
