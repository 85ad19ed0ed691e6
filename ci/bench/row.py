"""One comparison, as it stands in out/bench.json."""

import statistics
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """Ours against peers, lower is better; it holds when `ratio` (ours over the smallest peer) is at most `bound`.

    `spread` is how far, either way, the ratio may be from the true one because steps differ, 95 times of 100; None
    where not measured. How processes differ that do the same, by the memory that they got say, is not in it.
    """

    model_config = ConfigDict(frozen=True)

    ours: float
    against: dict[str, float]
    unit: str
    ratio: float
    bound: float
    holds: bool
    spread: float | None = None


def compare(ours: float, against: dict[str, float], *, unit: str, bound: float) -> Row:
    """Return the row of a measurement; `against` names each peer."""
    ratio = ours / min(against.values())
    return Row(ours=ours, against=against, unit=unit, ratio=round(ratio, 4), bound=bound, holds=ratio <= bound)


def compare_turns(ours: Sequence[float], against: Mapping[str, Sequence[float]], *, unit: str, bound: float) -> Row:
    """Return the row of a measurement in turns, ours beside one peer's in each; the means are compared."""
    ((peer, theirs),) = against.items()
    row = compare(statistics.fmean(ours), {peer: statistics.fmean(theirs)}, unit=unit, bound=bound)
    error = statistics.stdev(mine - its for mine, its in zip(ours, theirs, strict=True)) / len(ours) ** 0.5
    return row.model_copy(update={"spread": round(1.96 * error / row.against[peer], 4)})
