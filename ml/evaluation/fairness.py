"""Whether groups are served alike: how often right, how often given each label, and how often given it rightly.

The figures are those of fairlearn's `MetricFrame`, `demographic_parity_difference` and `equalized_odds_difference`, for
any number of labels; a test holds them to fairlearn's. It brings pandas, which nothing else in the image of jobs needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.evaluation.slices import Row, Share, Slicing, right, split


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group: its right answers; by label the share of its rows that is given it, and of those that should be."""

    right: Share
    selected: dict[str, float]
    recall: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """The groups, and by how much the best served and the worst served of enough rows lie apart (0: alike)."""

    groups: dict[str, Group]
    accuracy_gap: float
    # Demographic parity: is a label given as often?
    selection_gap: float
    # Equalized odds: is it given as often to those who should have it?
    odds_gap: float


def compare(rows: Sequence[Row], slicing: Slicing, labels: Sequence[str], least_rows: int) -> Fairness:
    """Compare the groups that `slicing` makes."""
    groups = {name: _group(part, labels) for name, part in split(rows, slicing).items()}
    judged = [group for group in groups.values() if group.right.rows >= least_rows]
    return Fairness(
        groups=groups,
        accuracy_gap=_gap([group.right.share for group in judged]),
        selection_gap=max((_gap([group.selected[label] for group in judged]) for label in labels), default=0.0),
        odds_gap=max(
            (_gap([group.recall[label] for group in judged if label in group.recall]) for label in labels), default=0.0
        ),
    )


def _group(rows: Sequence[Row], labels: Sequence[str]) -> Group:
    truly = {label: [row for row in rows if row.example.label == label] for label in labels}
    return Group(
        right=right(rows),
        selected={label: round(sum(row.label == label for row in rows) / len(rows), 6) for label in labels},
        recall={label: right(part).share for label, part in truly.items() if part},
    )


def _gap(values: Sequence[float]) -> float:
    return round(max(values, default=0.0) - min(values, default=0.0), 6)
