"""What a model's card asks of its held-out answers, and what of that is not so."""

from collections.abc import Mapping

from ml.evaluation.fairness import Fairness
from ml.evaluation.slices import Share
from ml.models.card import Gates


def objections(
    gates: Gates, right: Share, slices: Mapping[str, Mapping[str, Share]], fairness: Mapping[str, Fairness]
) -> list[str]:
    """Return all that speaks against a release, with its figures; written so that a NaN speaks against it too."""
    found = []
    if not right.share >= gates.least_accuracy:
        found.append(f"accuracy={right.share:.4f} is below least_accuracy={gates.least_accuracy}")
    for slicing, parts in slices.items():
        for name, part in parts.items():
            if part.rows >= gates.least_rows and not part.share >= gates.least_slice_accuracy:
                bound = f"least_slice_accuracy={gates.least_slice_accuracy}"
                found.append(f"accuracy={part.share:.4f} on {slicing} {name!r} ({part.rows} rows) is below {bound}")
    for slicing, one in fairness.items():
        if not one.accuracy_gap <= gates.most_gap:
            found.append(f"accuracy gap {one.accuracy_gap:.4f} between groups of {slicing!r} is above {gates.most_gap}")
    return found
