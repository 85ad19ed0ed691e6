"""What a model must be before it is released: no worse than the simple baseline, and alike to what was trained."""

from typing import Any

from ci.errors import GateError


def check(model: str, report: dict[str, Any]) -> None:
    """Raise `GateError` with everything that the report of an optimization job says against a release."""
    accuracy, baseline, parity = report["accuracy"], report["baseline_accuracy"], report["parity"]
    objections = []
    # Written so that a NaN fails.
    if not accuracy >= baseline:
        objections.append(f"accuracy={accuracy:.4f} is below the baseline's {baseline:.4f}")
    if not parity["max_abs_diff"] <= parity["tolerance"]:
        objections.append(f"parity max_abs_diff={parity['max_abs_diff']:.2g} is above {parity['tolerance']:.2g}")
    if objections:
        raise GateError(
            thing=f"model {model!r}",
            value="; ".join(objections),
            rule="closes the gate to release",
            fix="train it again, longer or on better data",
        )
