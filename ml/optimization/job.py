"""`python -m ml optimize`: a trained model in, the content of a bundle out, with proof of what it is worth."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.contract import ELSEWHERE_CHANNEL, MODEL_ARCHIVE, MODEL_CHANNEL, TRAINING_CHANNEL, Container
from ml.data import datasets
from ml.data.datasets import Example
from ml.errors import InputError
from ml.evaluation import report as evaluation
from ml.models import catalogue
from ml.optimization.export import MODEL_FILE
from ml.optimization.heldout import DOMAIN, HeldOut, held_out
from ml.optimization.pipeline import Outcome, Pipeline
from ml.optimization.recipe import Optimization
from ml.release import archive
from ml.serving.threads import available_threads

RECIPE = "optimization"


def optimize(container: Container) -> None:
    """Take the trained model through the steps of a recipe; whatever stops it, the model folder stays empty."""
    with tempfile.TemporaryDirectory() as folder:
        trained, scratch = Path(folder) / "trained", Path(folder) / "scratch"
        scratch.mkdir()
        archive.unpack(container.channel(MODEL_CHANNEL) / MODEL_ARCHIVE, trained)
        report = _trained_report(trained)
        name = _recipe_name(container)
        optimization = catalogue.optimization(report["model"], name)
        _, data = datasets.read(container.channel(TRAINING_CHANNEL))
        heldout, examples = _examples(container, report["model"], trained, optimization, data)
        print(f"model={report['model']} optimization={name} held_out={len(heldout.examples)}", flush=True)
        outcome = Pipeline(optimization, report["model"], heldout, examples, scratch).run()
        container.model.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(outcome.file, container.model / MODEL_FILE)
        for package in outcome.packages:
            shutil.copyfile(package.file, container.model / package.file.name)
        for kept in (*heldout.part.KEPT_FILES, "run.json"):
            shutil.copyfile(trained / kept, container.model / kept)
    card = catalogue.card(report["model"])
    figures = _figures(outcome, name, report["accuracy"])
    _write(container.model / "report.json", {**report, **figures})
    _write(container.model / "card.json", asdict(card))
    _write(container.model / "signature.json", asdict(card.signature))
    evaluation.write(container.model, data["test"], container.threads or available_threads())
    print(f"final accuracy={figures['accuracy']:.4f} trained_accuracy={report['accuracy']:.4f}", flush=True)


def _trained_report(trained: Path) -> dict[str, Any]:
    path = trained / "report.json"
    if not path.exists():
        raise InputError(
            f"channel {MODEL_CHANNEL!r}", MODEL_ARCHIVE, "holds no report.json", "give a training job's output"
        )
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _recipe_name(container: Container) -> str:
    path = container.configuration / "hyperparameters.json"
    given = json.loads(path.read_text()) if path.exists() else {}
    return str(given.get(RECIPE, "exact"))


def _examples(
    container: Container,
    model: str,
    trained: Path,
    optimization: Optimization,
    own: Mapping[str, Sequence[Example]],
) -> tuple[HeldOut, list[Example]]:
    """Return what to judge by and what to learn from; as many of each as training was allowed."""
    most = json.loads((trained / "run.json").read_text())["recipe"]["most_examples"] or None
    judged = min(filter(None, (most, optimization.most_judged)), default=None)
    labels = catalogue.card(model).signature.labels
    domains: dict[str, Sequence[Example]] = {"own": own["test"][:judged]}
    learnt = list(own["train"][:most])
    if optimization.elsewhere:
        elsewhere = catalogue.part(model, "elsewhere")
        domains = {elsewhere.OWN: domains["own"]}
        _, others = datasets.read(container.channel(ELSEWHERE_CHANNEL))
        # Of texts without a clear side nobody can say what would be right.
        clear = [example for example in others["test"][:judged] if example.label in labels]
        names = sorted({elsewhere.domain(example) for example in clear})
        domains |= {name: [example for example in clear if elsewhere.domain(example) == name] for name in names}
        learnt += others["train"][:most]
    return held_out(catalogue.part(model, "exporting"), trained, domains), learnt


def _figures(outcome: Outcome, name: str, trained_accuracy: float) -> dict[str, Any]:
    """Return what the report gains; `accuracy`, of the model's own domain, loses what the served file lost there."""
    trained, served = (row.slices[DOMAIN] for row in (outcome.rows[0], outcome.rows[-1]))
    own = next(iter(served))
    return {
        "optimization": name,
        "accuracy": trained_accuracy - (trained[own] - served[own]),
        "trained_accuracy": trained_accuracy,
        "parity": asdict(outcome.parities[-1]),
        "parities": [asdict(parity) for parity in outcome.parities],
        "measured": [asdict(row) for row in outcome.rows],
        "packages": [
            {"file": package.file.name, "measured": asdict(package.row), "parity": asdict(package.parity)}
            for package in outcome.packages
        ],
        "left_out": [asdict(one) for one in outcome.left_out],
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
