"""A release drill: a good release, a slow, a wrong and a deadly one, under calls that never stop.

All is real but the model: the cloud's endpoint with its variants, weights and metrics, the model server, signed
bundles, the controller. The good one must arrive; each of the others must be sent back by what its own calls prove.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ci.drill import serving
from ci.drill.load import Answered, Load
from ci.errors import CommandError, WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.rollout import roll_out
from ci.site import Site
from ci.traffic.controller import Seen
from ci.traffic.report import releases
from ci.traffic.state import Phase, Rollout
from infra.spec import Canary, EndpointSpec, RealTime, ReleaseSpec
from infra.spec.contract import ServingContract
from infra.spec.errors import nearest

Kind = Literal["good", "slow", "wrong", "crashing"]
# Each is another model than the one before; but for what it is released to do it answers alike.
BEHAVIOURS: Mapping[Kind, dict[str, Any]] = {
    "good": {"seconds": 0.001},
    "slow": {"seconds": 0.25},
    "wrong": {"always": "b"},
    "crashing": {"crashes": True},
}
# Of these not one call may fail for the client.
UNNOTICED: tuple[Kind, ...] = ("good", "slow", "wrong")
CALLS_PER_SECOND = 40.0
PROMISED_MS = 200
# Before and after a release, for the picture and for what is compared.
CALM_SECONDS = 5.0


class Glimpse(Result):
    """One look of the controller: when, how many percent the release had, and of how many of its calls it knew."""

    at_seconds: float
    percent: float
    known_requests: int


class Call(Result):
    """One call of the client."""

    at_seconds: float
    seconds: float
    by: Literal["old", "new", "nobody"]
    label: str


class DrilledRelease(Result):
    """One release, in seconds since the client's calls began."""

    kind: Kind
    phase: Phase
    reason: str
    seconds: float
    requests: int
    failed: int
    retried: int
    # Of the release's own calls: from the first one, and from the decision to go back, until its last answer.
    first_to_last_seconds: float | None
    breach_to_last_seconds: float | None
    # Looks of the controller from the release's first call until it decided.
    looks_to_breach: int | None
    calls: tuple[Call, ...]
    looks: tuple[Glimpse, ...]
    told: tuple[tuple[float, str], ...]

    @property
    def sound(self) -> bool:
        """Say whether it ended as its kind must, and unnoticed where it can."""
        arrived = self.phase is Phase.RELEASED
        unnoticed = self.failed == 0 or self.kind not in UNNOTICED
        last = [call.by for call in self.calls[-int(CALLS_PER_SECOND) :]]
        return arrived == (self.kind == "good") and unnoticed and set(last) == {"new" if arrived else "old"}


class ReleaseDrillResult(Result):
    """All releases of a drill."""

    bake_seconds: int
    calls_per_second: float
    releases: tuple[DrilledRelease, ...]

    @property
    def sound(self) -> bool:
        """Say whether each ended as it must."""
        return all(release.sound for release in self.releases)


def kinds(names: Sequence[str] | None) -> tuple[Kind, ...]:
    """Return the kinds of these names, all where none are given; raise `CommandError` for what is none."""
    if unknown := [name for name in names or () if name not in BEHAVIOURS]:
        fix = nearest(unknown[0], BEHAVIOURS, otherwise=f"there are {', '.join(BEHAVIOURS)}")
        raise CommandError(thing="--only", value=repr(unknown[0]), rule="is no kind of release", fix=fix)
    return tuple(kind for kind in BEHAVIOURS if not names or kind in names)


def canary(bake_seconds: int) -> Canary:
    """Return the way that a drill releases by: as the default, but in a laptop's time."""
    return Canary(bake_seconds=bake_seconds, least_requests=20, look_seconds=1.0, patience_seconds=120)


def drill(
    strategy: ReleaseSpec, *, kinds: Sequence[Kind] = tuple(BEHAVIOURS), progress: Progress = QUIET
) -> ReleaseDrillResult:
    """Release one model of each kind, one after the other, each over the one that served before."""
    hosting = RealTime(instance_type=serving.INSTANCE, capture_percent=100)
    spec = EndpointSpec(name="drilled", model="drilled", hosting=hosting, max_latency_ms=PROMISED_MS, release=strategy)
    with tempfile.TemporaryDirectory(prefix="release-drill-") as home, serving.running(Path(home), spec) as found:
        site, contract = found
        progress.say("The cloud stands; releasing what serves before.")
        roll_out(site, site.home_region.name, contract, serving.package(site), spec=spec)
        done = []
        for kind in kinds:
            progress.say(f"Releasing a {kind} model under {CALLS_PER_SECOND:g} calls a second.")
            done.append(_released(site, contract, spec, kind, progress))
    return ReleaseDrillResult(
        bake_seconds=strategy.bake_seconds, calls_per_second=CALLS_PER_SECOND, releases=tuple(done)
    )


def _released(
    site: Site, contract: ServingContract, spec: EndpointSpec, kind: Kind, progress: Progress
) -> DrilledRelease:
    region, new = site.home_region.name, serving.package(site, **BEHAVIOURS[kind])
    looks: list[tuple[float, Seen]] = []
    load = Load(site, region, contract.endpoint_name, CALLS_PER_SECOND)
    began = time.time()
    with load.running():
        time.sleep(CALM_SECONDS)
        released = time.time()
        try:
            roll_out(
                site, region, contract, new, spec=spec, progress=progress,
                watcher=lambda _, seen: looks.append((time.time(), seen)),
            )  # fmt: skip
        except WorkError as error:
            progress.say(str(error))
        took = time.time() - released
        time.sleep(CALM_SECONDS)
    state = releases(site, spec.name).known()
    assert state is not None
    return _told(kind, state, load.answered(), looks, began, took, new.version)


def _told(
    kind: Kind,
    state: Rollout,
    answered: Sequence[Answered],
    looks: Sequence[tuple[float, Seen]],
    began: float,
    took: float,
    version: str,
) -> DrilledRelease:
    # A call that failed is the release's: the old one never fails.
    mine = [one for one in answered if one.version == version or one.error]
    first, last = (mine[0].at, mine[-1].at + mine[-1].seconds) if mine else (None, None)
    breach = next((moment.at for moment in state.told if ": back, " in moment.what), None)
    return DrilledRelease(
        kind=kind,
        phase=state.phase,
        reason=state.reason,
        seconds=round(took, 1),
        requests=len(answered),
        failed=sum(bool(one.error) for one in answered),
        retried=sum(one.retries for one in answered),
        first_to_last_seconds=_span(first, last) if breach else None,
        breach_to_last_seconds=_span(breach, last),
        looks_to_breach=sum(first <= at <= breach for at, _ in looks) if first and breach else None,
        calls=tuple(
            Call(
                at_seconds=round(one.at - began, 3),
                seconds=round(one.seconds, 4),
                by="nobody" if one.error else "new" if one.version == version else "old",
                label=one.label,
            )
            for one in answered
        ),
        looks=tuple(
            Glimpse(
                at_seconds=round(at - began, 3),
                percent=100.0 if seen.configuration == state.new else seen.percent,
                known_requests=seen.new.requests,
            )
            for at, seen in looks
        ),
        told=tuple((round(moment.at - began, 3), moment.what) for moment in state.told),
    )


def _span(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(max(0.0, end - begin), 2)
