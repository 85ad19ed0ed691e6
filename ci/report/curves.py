"""The curves of one or more training runs, in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci.errors import CommandError

KINDS = (".png", ".svg", ".pdf")


def check(file: Path) -> None:
    """Refuse a file that no plot can be written to, before the work that it is to show."""
    if file.suffix not in KINDS:
        raise CommandError(
            thing="--plot", value=str(file), rule=f"must end in one of {', '.join(KINDS)}", fix="name it so"
        )


def draw(runs: Mapping[str, Sequence[Mapping[str, Any]]], file: Path) -> None:
    """Draw loss over steps, and accuracy where it was measured; `runs` names the points of each curve."""
    check(file)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    losses = figure.subplots()
    accuracies = losses.twinx()
    for number, (name, points) in enumerate(runs.items()):
        colour = f"C{number}"
        found = [(point["step"], point["loss"]) for point in points if "loss" in point]
        losses.plot(*zip(*found, strict=True), color=colour, label=name, linewidth=1.6)
        if judged := [(point["step"], point["accuracy"]) for point in points if "accuracy" in point]:
            accuracies.plot(*zip(*judged, strict=True), "o", color=colour, markersize=7)
            for step, accuracy in judged:
                accuracies.annotate(
                    f"{accuracy:.3f}", (step, accuracy), (-6, -12), textcoords="offset points", ha="right"
                )
    losses.set(xlabel="step", ylabel="loss (line)")
    losses.set_ylim(bottom=0)
    losses.grid(alpha=0.25)
    accuracies.set_ylabel("held-out accuracy (dots)")
    accuracies.set_ylim(0, 1)
    losses.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), frameon=False, fontsize=9)
    for axes in (losses, accuracies):
        axes.spines[["top"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
