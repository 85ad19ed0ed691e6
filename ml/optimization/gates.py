"""The gates of a recipe: every number that speaks against serving a model, at once."""

from ml.errors import GateError
from ml.optimization.measure import Measured
from ml.optimization.recipe import Gates


def check(gates: Gates, trained: Measured, now: Measured, *, last: bool) -> None:
    """Raise `GateError` for a candidate that is not right often enough, or in the end is too slow or too large."""
    objections = _of_accuracy(gates, trained, now) + (_of_cost(gates, now) if last else [])
    if objections:
        rule = "is refused by its recipe's gates; nothing was left behind"
        fix = "mend the recipe's steps, or its gates if they ask too much"
        raise GateError(f"optimized model after step {now.step!r}", "; ".join(objections), rule, fix)


def _of_accuracy(gates: Gates, trained: Measured, now: Measured) -> list[str]:
    worst, name = min((accuracy, name) for kind in now.slices.values() for name, accuracy in kind.items())
    lost = (trained.accuracy - now.accuracy) * 100
    found = []
    # Each written so that a NaN is refused.
    if gates.least_accuracy is not None and not now.accuracy >= gates.least_accuracy:
        found.append(f"accuracy {now.accuracy:.4f} is below {gates.least_accuracy:g}")
    if gates.most_points_lost is not None and not lost <= gates.most_points_lost:
        found.append(f"it lost {lost:.2f} points of accuracy, more than {gates.most_points_lost:g}")
    if gates.least_slice_accuracy is not None and not worst >= gates.least_slice_accuracy:
        found.append(f"accuracy {worst:.4f} in slice {name!r} is below {gates.least_slice_accuracy:g}")
    return found


def _of_cost(gates: Gates, now: Measured) -> list[str]:
    found = []
    if gates.most_milliseconds is not None and not now.milliseconds <= gates.most_milliseconds:
        found.append(f"{now.milliseconds:.4f} ms for one example are more than {gates.most_milliseconds:g}")
    if gates.most_bytes is not None and now.bytes > gates.most_bytes:
        found.append(f"{now.bytes} bytes are more than {gates.most_bytes}")
    return found
