"""What the calls of a step say of a release: whether it is proven to be worse than the old one."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from ci.traffic.confidence import interval, is_above

# Parts of the promised latency at which the calls of two releases are compared.
LATENCY_PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)


# An endpoint's latency is what 99 of 100 calls stay under.
PROMISED_LATE = 0.01


class Evidence(BaseModel):
    """All calls of one variant since its step began: sums, so that a look that was missed loses nothing.

    `slower[i]` were slower than part i of the promised latency (`LATENCY_PARTS`); `labels` is empty where no answers
    are kept. Of `pairs` requests that a shadow got copies of, it answered so many `otherwise` than who was asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int = 0
    failed: int = 0
    refused: int = 0
    timed: int = 0
    slower: tuple[int, ...] = (0,) * len(LATENCY_PARTS)
    labels: Mapping[str, int] = {}
    pairs: int = 0
    otherwise: int = 0


class Tolerance(BaseModel):
    """By how many points a share may be worse, and how likely a sound release may be sent back, over all steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    more_failed: float
    more_slow: float
    other_answers: float
    false_alarm: float
    latency_ms: float
    # What the endpoint promises by itself, for a release that has no old one beside it.
    failed: float


def breach(new: Evidence, old: Evidence | None, tolerance: Tolerance, steps: int) -> str | None:
    """Say what the new release is proven to do worse; None as long as nothing is.

    Where nobody called the old one it is held to what its endpoint promises: so many failures, and 99 of 100 in time.
    """
    old = old if old and old.requests else None
    labels = sorted(new.labels.keys() | (old.labels.keys() if old else ()))
    # All comparisons of all steps share the chance of a false alarm, each with an interval on either side.
    alpha = tolerance.false_alarm / (2 * steps * (3 + len(LATENCY_PARTS) + len(labels)))
    found = _failing(new, old, tolerance, alpha) or _slow(new, old, tolerance, alpha)
    found = found or _contradicting(new, tolerance, alpha)
    return found or (_answering_otherwise(new, old, labels, tolerance, alpha) if old else None)


def _failing(new: Evidence, old: Evidence | None, tolerance: Tolerance, alpha: float) -> str | None:
    if not old:
        if new.failed and interval(new.failed, new.requests, alpha)[0] > tolerance.failed:
            return f"{_share(new.failed, new.requests)} failed, and {tolerance.failed:.1%} are promised"
        return None
    for what, mine, others in (("failed", new.failed, old.failed), ("were refused", new.refused, old.refused)):
        if is_above(mine, new.requests, others, old.requests, by=tolerance.more_failed, alpha=alpha):
            return f"{_share(mine, new.requests)} {what}, of the old one's {_share(others, old.requests)}"
    return None


def _slow(new: Evidence, old: Evidence | None, tolerance: Tolerance, alpha: float) -> str | None:
    if not old:
        late = new.slower[LATENCY_PARTS.index(1.0)]
        if late and interval(late, new.timed, alpha)[0] > PROMISED_LATE:
            return (
                f"{_share(late, new.timed)} took over {tolerance.latency_ms:g} ms, and {PROMISED_LATE:.0%} are promised"
            )
        return None
    # The slowest first: that says most.
    for part, mine, others in reversed(list(zip(LATENCY_PARTS, new.slower, old.slower, strict=True))):
        if is_above(mine, new.timed, others, old.timed, by=tolerance.more_slow, alpha=alpha):
            what = f"took over {part * tolerance.latency_ms:g} ms"
            return f"{_share(mine, new.timed)} {what}, of the old one's {_share(others, old.timed)}"
    return None


def _contradicting(new: Evidence, tolerance: Tolerance, alpha: float) -> str | None:
    if new.otherwise and interval(new.otherwise, new.pairs, alpha)[0] > tolerance.other_answers:
        return f"{_share(new.otherwise, new.pairs)} were others than the old one's to the same requests"
    return None


def _answering_otherwise(
    new: Evidence, old: Evidence, labels: list[str], tolerance: Tolerance, alpha: float
) -> str | None:
    kept, kept_of_old = sum(new.labels.values()), sum(old.labels.values())
    for label in labels:
        mine, others = new.labels.get(label, 0), old.labels.get(label, 0)
        more = is_above(mine, kept, others, kept_of_old, by=tolerance.other_answers, alpha=alpha)
        if more or is_above(others, kept_of_old, mine, kept, by=tolerance.other_answers, alpha=alpha):
            return f"{_share(mine, kept)} were {label!r}, of the old one's {_share(others, kept_of_old)}"
    return None


def _share(hits: int, trials: int) -> str:
    return f"{hits / max(1, trials):.1%} of {trials} answers"
