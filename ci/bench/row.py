"""One comparison, as it stands in out/bench.json."""

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """Ours against peers, lower is better; it holds when `ratio` (ours over the smallest peer) is at most `bound`."""

    model_config = ConfigDict(frozen=True)

    ours: float
    against: dict[str, float]
    unit: str
    ratio: float
    bound: float
    holds: bool


def compare(ours: float, against: dict[str, float], *, unit: str, bound: float) -> Row:
    """Return the row of a measurement; `against` names each peer."""
    ratio = ours / min(against.values())
    return Row(ours=ours, against=against, unit=unit, ratio=round(ratio, 4), bound=bound, holds=ratio <= bound)
