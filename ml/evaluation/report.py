"""`evaluation.json`: written where an optimization job leaves a bundle's content, and signed with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml.data.datasets import Example
from ml.evaluation import fairness, gates, reasons, slices
from ml.evaluation.fairness import Fairness
from ml.evaluation.reasons import Reasons
from ml.evaluation.slices import Row, Share
from ml.models import catalogue
from ml.models.card import Card, Gates

FILE = "evaluation.json"
TOGETHER = 64
EXPLAINED = 16
BINS = 10


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How the served model answers held-out rows, and what of that its card's gates object to.

    `calibration_error` is by how much the likelihood that it claims misses the share of right answers, on average.
    """

    model: str
    right: Share
    calibration_error: float
    # Slicing → slice → share of right answers.
    slices: dict[str, dict[str, Share]]
    # The slicing and the slice with the smallest share, of those with enough rows to be judged.
    worst_slice: tuple[str, str] | None
    fairness: dict[str, Fairness]
    reasons: Reasons | None
    gates: Gates
    objections: list[str]


def write(content: Path, held_out: Sequence[Example], threads: int) -> Evaluation | None:
    """Evaluate the model in `content` and write that down beside it; None for a model that names no labels."""
    model: str = json.loads((content / "card.json").read_text())["name"]
    card = catalogue.card(model)
    if not card.signature.labels:
        print("evaluated rows=0 objections=0: the model names no labels", flush=True)
        return None
    most = json.loads((content / "run.json").read_text())["recipe"].get("most_examples", 0)
    handler = catalogue.part(model, "handler").load(content, threads)
    found = evaluate(card, handler, held_out[:most] if most else held_out)
    (content / FILE).write_text(json.dumps(asdict(found), indent=2) + "\n")
    worst = found.slices[found.worst_slice[0]][found.worst_slice[1]].share if found.worst_slice else found.right.share
    figures = f"rows={found.right.rows} held_out_accuracy={found.right.share:.4f} worst_slice_accuracy={worst:.4f}"
    print(f"evaluated {figures} objections={len(found.objections)}", flush=True)
    for objection in found.objections:
        print(f"the gate is closed: {objection}", flush=True)
    return found


def evaluate(card: Card, handler: Any, held_out: Sequence[Example]) -> Evaluation:
    """Ask `handler` about all held-out rows, and about what some of its answers stand on."""
    instances = [_instance(card, example) for example in held_out]
    answers = [
        answer
        for start in range(0, len(instances), TOGETHER)
        for answer in handler.predict(instances[start : start + TOGETHER])
    ]
    rows = [
        Row(example=example, label=answer["label"], score=answer["score"])
        for example, answer in zip(held_out, answers, strict=True)
    ]
    slicings, groups = slices.of(card.name)
    parts = {
        name: {part: slices.right(members) for part, members in slices.split(rows, slicing).items()}
        for name, slicing in slicings.items()
    }
    labels = card.signature.labels
    fair = {name: fairness.compare(rows, slicings[name], labels, card.gates.least_rows) for name in groups}
    right = slices.right(rows)
    explains = hasattr(handler, "likelihoods")
    return Evaluation(
        model=card.name,
        right=right,
        calibration_error=_calibration_error(rows),
        slices=parts,
        worst_slice=_worst(parts, card.gates.least_rows),
        fairness=fair,
        reasons=reasons.gather(handler, labels, instances[:EXPLAINED]) if explains else None,
        gates=card.gates,
        objections=gates.objections(card.gates, right, parts, fair),
    )


def _instance(card: Card, example: Example) -> dict[str, str]:
    """Return a row as a request: its text in the one field that the signature has."""
    ((name, field),) = card.signature.instance.items()
    return {name: example.text[: field.most_characters]}


def _worst(parts: Mapping[str, Mapping[str, Share]], least_rows: int) -> tuple[str, str] | None:
    judged = [
        (share.share, slicing, name)
        for slicing, shares in parts.items()
        for name, share in shares.items()
        if share.rows >= least_rows
    ]
    return min(judged)[1:] if judged else None


def _calibration_error(rows: Sequence[Row]) -> float:
    """Return the expected calibration error (Naeini et al., 2015) over ten bins of equal width."""
    bins: dict[int, list[Row]] = {}
    for row in rows:
        bins.setdefault(min(BINS - 1, int(row.score * BINS)), []).append(row)
    missed = (abs(sum(row.score - row.is_right for row in members)) for members in bins.values())
    return round(sum(missed) / len(rows), 6)
