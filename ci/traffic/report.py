"""How a release stands, to be read."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci.contracts import find_endpoint
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.traffic.evidence import LATENCY_PARTS, Evidence
from ci.traffic.run import Releases
from ci.traffic.state import Phase, Rollout

if TYPE_CHECKING:
    from rich.console import RenderableType


class ReleaseState(Result):
    """A release, on its way or over, and what the calls of this step say of it and of the one that it replaces."""

    endpoint: str
    version: str
    phase: Phase
    # The share of the calls that it gets, and the instances of either.
    percent: float
    instances: dict[str, int]
    # How long this step has baked, and must; None where it does not bake.
    baked_seconds: float | None
    bake_seconds: int | None
    reason: str
    new: Evidence
    old: Evidence | None
    told: tuple[str, ...]


def releases(site: Site, endpoint: str, progress: Progress = QUIET, *, region: str = "") -> Releases:
    """Return the releases to an endpoint, by the name in its `EndpointSpec`; by default in the first region with it."""
    place, contract = find_endpoint(site, endpoint, region)
    return Releases(site, place.name, contract, progress=progress)


def status(site: Site, endpoint: str, region: str = "") -> ReleaseState:
    """Return how the last release to an endpoint stands; reads only."""
    found = releases(site, endpoint, region=region)
    state = found.known()
    if state is None:
        raise found.nothing_to_turn(None)
    return told(found, state)


def carried(
    site: Site,
    endpoint: str,
    work: Callable[[Releases], Rollout],
    progress: Progress = QUIET,
    *,
    region: str = "",
) -> ReleaseState:
    """Do `work` on the endpoint's last release, write into the audit log how it ended, and return how it stands."""
    found = releases(site, endpoint, progress, region=region)
    try:
        state = work(found)
    except WorkError:
        _write_down(site, endpoint, region, found.known())
        raise
    _write_down(site, endpoint, region, state)
    return told(found, state)


def _write_down(site: Site, endpoint: str, region: str, state: Rollout | None) -> None:
    from ci.audit.record import History

    if state and state.is_over:
        place, contract = find_endpoint(site, endpoint, region)
        is_out = state.phase is Phase.RELEASED
        facts = {"endpoint": state.endpoint, "configuration": state.new if is_out else state.old, "region": place.name}
        history = History(site, contract.model)
        history.tell(
            "released" if is_out else "rolled back",
            version=state.version,
            facts=facts if is_out else {**facts, "why": state.reason},
        )


def told(found: Releases, state: Rollout) -> ReleaseState:
    """Return a release as it is now, in words and figures."""
    seen, stage = found.seen(state), state.stage
    is_alone, now = seen.configuration == state.new, datetime.now(UTC).timestamp()
    return ReleaseState(
        endpoint=state.endpoint,
        version=state.version,
        phase=state.phase,
        percent=100.0 if is_alone else round(seen.percent, 1),
        instances=seen.counts,
        baked_seconds=None if state.baking_since is None or state.is_over else round(now - state.baking_since, 1),
        bake_seconds=stage.bake_seconds if stage and not state.is_over else None,
        reason=state.reason,
        new=seen.new,
        old=seen.old,
        told=tuple(f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S} {one.what}" for one in state.told),
    )


def drawn(found: ReleaseState, *, with_history: bool = False) -> "RenderableType":
    """Return it for a person: how it is, what the two releases' calls say, and before that what was decided."""
    from ci import console

    head = f"{found.endpoint} {found.version}: {found.phase}, {found.percent:g} % of the calls"
    if found.baked_seconds is not None and found.bake_seconds is not None:
        head += f", baking for {found.baked_seconds:.0f} of {found.bake_seconds} s"
    rows = [_row(name, evidence) for name, evidence in (("new", found.new), ("old", found.old)) if evidence]
    figures = console.table(
        "release", "requests>", "failed>", "refused>", "in time>", "above twice>", "labels", rows=rows
    )
    parts: list[RenderableType] = [*found.told, "", head] if with_history else [head]
    return console.stacked(*parts, *([figures] if found.new.requests else []))


def _row(name: str, evidence: Evidence) -> tuple[object, ...]:
    late, twice = (evidence.slower[LATENCY_PARTS.index(part)] for part in (1.0, 2.0))
    timed, total = max(1, evidence.timed), max(1, sum(evidence.labels.values()))
    labels = ", ".join(f"{label} {count / total:.0%}" for label, count in sorted(evidence.labels.items()))
    return (
        name, evidence.requests, evidence.failed, evidence.refused, f"{1 - late / timed:.1%}", f"{twice / timed:.1%}",
        labels or "not kept",
    )  # fmt: skip
