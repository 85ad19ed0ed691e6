"""What recipe `small` makes of review_sentiment, against the trained network as torch runs it in float32.

Both are trained and made here, by the jobs that users run; times are those of the job's own report, one thread each.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from ci.bench.model import MODEL, job
from ci.bench.row import Row, compare
from ci.workspace import ROOT

# A hundredth of the time and of the size, for at most this much of accuracy, the mean over the four text domains.
SHARE = 0.01
MOST_POINTS = 1.5


def run() -> dict[str, Row]:
    """Train by recipe `laptop`, optimize by recipe `small`, compare the first and the last row."""
    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as folder:
        report = optimized(Path(folder))
    trained, served = report["measured"][0], report["measured"][-1]
    milliseconds = [row["timings"][0]["p50_ms"] for row in (trained, served)]
    wrong = [100 * (1 - row["accuracy"]) for row in (trained, served)]
    peer = f"fp32 eager teacher + {MOST_POINTS} points"
    return {
        "optimize_latency": compare(milliseconds[1], {"fp32 eager teacher": milliseconds[0]}, unit="ms", bound=SHARE),
        "optimize_size": compare(served["bytes"], {"fp32 teacher": trained["bytes"]}, unit="bytes", bound=SHARE),
        "optimize_accuracy": compare(wrong[1], {peer: wrong[0] + MOST_POINTS}, unit="% wrong", bound=1.0),
    }


def optimized(folder: Path) -> dict[str, Any]:
    """Return the report of an optimization by recipe `small` of a network that was trained for it."""
    from ml.contract import ELSEWHERE_CHANNEL
    from ml.data import datasets
    from ml.release import archive

    cache, given = ROOT / ".cache" / "datasets", folder / "optimize" / "input" / "data"
    data = folder / "train" / "input" / "data" / "training"
    datasets.prepare(MODEL, cache, data)
    job(folder / "train", "train", recipe="laptop")
    (given / "model").mkdir(parents=True)
    (given / "training").symlink_to(data)
    datasets.prepare(MODEL, cache, given / ELSEWHERE_CHANNEL, part="elsewhere")
    trained = {path.name: path for path in (folder / "train" / "model").iterdir()}
    archive.pack(trained, given / "model" / "model.tar.gz")
    job(folder / "optimize", "optimize", optimization="small")
    report: dict[str, Any] = json.loads((folder / "optimize" / "model" / "report.json").read_text())
    return report
