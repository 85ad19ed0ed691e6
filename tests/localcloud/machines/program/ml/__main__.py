"""`train` runs the source text in the hyperparameter `code`; `serve` is a model server that does as it is told."""

import json
import os
import sys
from pathlib import Path

BASE = Path(os.environ["SAGEMAKER_BASE_DIR"])


def train() -> None:
    hyperparameters = json.loads((BASE / "input/config/hyperparameters.json").read_text())
    exec(compile(hyperparameters["code"], "code", "exec"), {"base": BASE, "hyperparameters": hyperparameters})


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train()
    else:
        from ml import server

        server.serve(BASE)
