"""`python -m ml optimize`: a trained model in, the content of a bundle out, with proof that both answer the same."""

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.contract import MODEL_ARCHIVE, MODEL_CHANNEL, TRAINING_CHANNEL, Container
from ml.data import datasets
from ml.errors import InputError
from ml.evaluation import report as evaluation
from ml.models import catalogue
from ml.optimization import export
from ml.release import archive
from ml.serving.threads import available_threads

SAMPLES = 256


def optimize(container: Container) -> None:
    """Export the training job's model and write what a bundle holds."""
    _, data = datasets.read(container.channel(TRAINING_CHANNEL))
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch)
        archive.unpack(container.channel(MODEL_CHANNEL) / MODEL_ARCHIVE, trained)
        report = _trained_report(trained)
        container.model.mkdir(parents=True, exist_ok=True)
        optimized = _export(report["model"], trained, data["test"][:SAMPLES], container)
    _write(container.model / "report.json", {**report, **optimized})
    card = catalogue.card(report["model"])
    _write(container.model / "card.json", asdict(card))
    _write(container.model / "signature.json", asdict(card.signature))
    evaluation.write(container.model, data["test"], container.threads or available_threads())
    print(f"final {' '.join(f'{name}={value}' for name, value in optimized.items())}", flush=True)


def _trained_report(trained: Path) -> dict[str, Any]:
    path = trained / "report.json"
    if not path.exists():
        raise InputError(
            f"channel {MODEL_CHANNEL!r}", MODEL_ARCHIVE, "holds no report.json", "give a training job's output"
        )
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _export(model: str, trained: Path, examples: list[datasets.Example], container: Container) -> dict[str, Any]:
    """Export, prove and time the model; return what the report gains."""
    part = catalogue.part(model, "exporting")
    network = part.load(trained)
    export.export(part, network, trained, examples, container.model)
    for name in (*part.KEPT_FILES, "run.json"):
        shutil.copyfile(trained / name, container.model / name)
    parity = export.parity(part, network, trained, examples, container.model)
    threads = container.threads or available_threads()
    return {
        "parity": asdict(parity),
        "onnx_bytes": (container.model / export.MODEL_FILE).stat().st_size,
        "onnx_p50_ms": export.median_milliseconds(part, trained, examples, container.model, threads),
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
