"""What a model's predictions stand on, over some held-out rows: the words, and whether those words matter at all.

Explained as `POST /v1/explain` does it, through the file that is served. No text is kept, only words that carry weight:
texts may be somebody else's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ml.serving.explanations import Explainable, explain
from ml.serving.requests import Instance

MOST_WORDS = 12
LEFT_OUT = 3


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """Words by label with their mean weight, the heaviest first, and two drops of the predicted label's likelihood.

    `drop_without_heaviest` is its mean fall when a row's three heaviest parts are left out, `drop_without_any` when any
    three are: an explanation is worth reading when the first is far above the second.
    """

    rows: int
    words: dict[str, dict[str, float]]
    drop_without_heaviest: float
    drop_without_any: float


def gather(handler: Explainable, labels: Sequence[str], instances: Sequence[Instance]) -> Reasons:
    """Explain some instances and sum up."""
    weights: dict[str, dict[str, list[float]]] = {label: {} for label in labels}
    heaviest, anything = [], []
    random = Random(0)  # noqa: S311 - the same parts in every evaluation, nothing secret
    for instance, told in zip(instances, explain(handler, labels, list(instances)), strict=True):
        parts: list[dict[str, Any]] = told["parts"]
        for part in parts:
            word = instance[part["field"]][part["start"] : part["end"]].strip(".,;:!?\"'()-").casefold()
            if word and " " not in word:
                weights[told["label"]].setdefault(word, []).append(part["weight"])
        if len(parts) > LEFT_OUT:
            by_weight = sorted(parts, key=lambda part: -part["weight"])[:LEFT_OUT]
            best = labels.index(told["label"])
            rows = [_without(instance, by_weight), _without(instance, random.sample(parts, LEFT_OUT))]
            without_heaviest, without_any = (float(row[best]) for row in handler.likelihoods(rows))
            heaviest.append(told["score"] - without_heaviest)
            anything.append(told["score"] - without_any)
    return Reasons(
        rows=len(instances),
        words={label: _heaviest(found) for label, found in weights.items()},
        drop_without_heaviest=_mean(heaviest),
        drop_without_any=_mean(anything),
    )


def _heaviest(weights: dict[str, list[float]]) -> dict[str, float]:
    means = {word: _mean(found) for word, found in weights.items()}
    return dict(sorted(means.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS])


def _without(instance: Instance, parts: Sequence[dict[str, Any]]) -> Instance:
    left = dict(instance)
    for part in sorted(parts, key=lambda part: -part["start"]):
        text = left[part["field"]]
        left[part["field"]] = text[: part["start"]] + text[part["end"] :]
    return left


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 6) if values else 0.0
