"""Why a prediction is what it is: by how much its likelihood falls when a part of the text is left out (occlusion).

Honest for any model that says likelihoods, through the very file that is served: no gradient, no second model, no
torch. It tells what the prediction stands on, not what would be true; parts that only work together share it badly.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ml.serving.requests import Instance

if TYPE_CHECKING:
    # A server without a model starts without it.
    import numpy as np

# So many parts are left out in turn; of a longer text each holds several words.
MOST_PARTS = 24
MOST_EXPLAINED = 4
TOGETHER = 32
WORD = re.compile(r"\S+")


class Explainable(Protocol):
    """A handler that says how likely each label is."""

    def likelihoods(self, instances: list[Instance]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        """Return [instances, labels]."""
        ...


def explain(handler: Explainable, labels: Sequence[str], instances: list[Instance]) -> list[dict[str, Any]]:
    """Return each instance's label, its likelihood and what each part of its texts adds to that."""
    return [_explain(handler, labels, instance) for instance in instances]


def _explain(handler: Explainable, labels: Sequence[str], instance: Instance) -> dict[str, Any]:
    parts = [(field, *place) for field, text in instance.items() for place in _parts(text)]
    without = [{**instance, field: instance[field][:start] + instance[field][end:]} for field, start, end in parts]
    rows = [instance, *without]
    likely, *others = (
        likelihoods
        for start in range(0, len(rows), TOGETHER)
        for likelihoods in handler.likelihoods(rows[start : start + TOGETHER])
    )
    best = int(likely.argmax())
    return {
        "label": labels[best],
        "score": round(float(likely[best]), 6),
        "parts": [
            {"field": field, "start": start, "end": end, "weight": round(float(likely[best] - other[best]), 6)}
            for (field, start, end), other in zip(parts, others, strict=True)
        ],
    }


def _parts(text: str) -> list[tuple[int, int]]:
    """Return where the text's parts begin and end: its words, or even runs of them."""
    words = [found.span() for found in WORD.finditer(text)]
    each = max(1, -(-len(words) // MOST_PARTS))
    runs = [words[start : start + each] for start in range(0, len(words), each)]
    return [(run[0][0], run[-1][1]) for run in runs]
