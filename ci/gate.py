"""What a model must be before it is released: no worse than the simple baseline, alike to what was trained, and what
its own card asks of it on held-out rows, slice by slice and group by group.
"""

from typing import Any

from ci.errors import GateError
from ml.evaluation.report import Evaluation


def check(
    model: str, report: dict[str, Any], evaluation: Evaluation | None = None, *, has_labels: bool = False
) -> None:
    """Raise `GateError` with everything that an optimization job found which speaks against a release."""
    accuracy, baseline, parity = report["accuracy"], report["baseline_accuracy"], report["parity"]
    objections = [*evaluation.objections] if evaluation else []
    if has_labels and not evaluation:
        objections.append("nothing was evaluated by the job, which is older than evaluations")
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
