"""The controller against a world that is slow, fails, and forgets what a crashed controller was about to do."""

from dataclasses import dataclass, field, replace
from math import ceil
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ci.traffic.controller import NEXT, OLD, Act, Configure, Divide, Hold, Resize, Seen, decide
from ci.traffic.evidence import LATENCY_PARTS, Evidence, Tolerance
from ci.traffic.state import Patience, Phase, Rollout
from infra.spec import AllAtOnce, BlueGreen, Canary, ReleaseSpec, Shadow

TOLERANCE = Tolerance(
    more_failed=0.01, more_slow=0.1, other_answers=0.15, false_alarm=0.01, latency_ms=100.0, failed=0.01
)
CALLS = 60
STRATEGIES: list[ReleaseSpec] = [
    Canary(percents=(10, 20, 100), bake_seconds=5, least_requests=20),
    BlueGreen(bake_seconds=5),
    Shadow(bake_seconds=5),
    AllAtOnce(bake_seconds=5),
    AllAtOnce(),
]


def rollout(strategy: ReleaseSpec) -> Rollout:
    patience = Patience(least_requests=strategy.least_requests, seconds=50, look_seconds=1)
    return Rollout(
        endpoint="e", version="v2", old="old", beside="beside", new="new", stages=strategy.stages,
        tolerance=TOLERANCE, patience=patience, begun=0.0,
    )  # fmt: skip


@dataclass(frozen=True)
class Release:
    """How a release answers: shares of failures, of slow calls, of the label 'a'; whether it starts at all."""

    failing: float = 0.0
    slow: float = 0.0
    label: float = 0.5
    starts: bool = True


@dataclass
class World:
    """An endpoint; an act takes a while, and then it is so as a whole or not at all."""

    random: Random
    new: Release
    mirrored: bool
    count: int = 3
    configuration: str = "old"
    percent: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    held: bool = False
    failure: str = ""
    busy: int = 0
    pending: Act | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    history: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = {OLD: self.count}

    def ask(self, act: Act) -> None:
        if isinstance(act, Hold):
            self.held = act.held
            return
        assert not self.busy, "AWS refuses a change while another is under way"
        self.pending, self.busy = act, self.random.randint(1, 3)

    def tick(self) -> None:
        if self.busy:
            self.busy -= 1
            if not self.busy:
                self._become()
        elif not self.held and self.percent == 100:
            self.counts[OLD] = max(1, self.counts[OLD] - 1)  # Autoscaling: nobody calls it.
        self._answer(OLD, CALLS * (100 - self.percent) / 100, self.new if self.configuration == "new" else Release())
        mirrored = self.mirrored and self.configuration == "beside"
        self._answer(NEXT, CALLS if mirrored else CALLS * self.percent / 100, self.new)
        self.history.append((self.configuration, 100.0 if self.configuration == "new" else self.percent))

    def _become(self) -> None:
        match self.pending:
            case Configure(configuration=wanted):
                if wanted != "old" and not self.new.starts:
                    self.failure = "no such file"
                    return
                self.configuration, self.percent, self.failure = wanted, 0.0, ""
                self.counts = {OLD: self.counts[OLD]} | ({NEXT: 1} if wanted == "beside" else {})
            case Divide(percent=percent):
                self.percent = float(percent)
            case Resize(count=count):
                self.counts[NEXT] = count

    def _answer(self, variant: str, calls: float, release: Release) -> None:
        known, count = self.evidence.get(variant, Evidence()), round(calls)
        failed, slow, label = (
            sum(self.random.random() < share for _ in range(count))
            for share in (release.failing, release.slow, release.label)
        )
        slower = tuple(known.slower[place] + (slow if part <= 1 else 0) for place, part in enumerate(LATENCY_PARTS))
        labels = {"a": known.labels.get("a", 0) + label, "b": known.labels.get("b", 0) + count - label}
        self.evidence[variant] = known.model_copy(
            update={
                "requests": known.requests + count, "failed": known.failed + failed, "timed": known.timed + count,
                "slower": slower, "labels": labels if count else known.labels,
            }
        )  # fmt: skip

    def seen(self, state: Rollout, since: dict[str, Evidence]) -> Seen:
        """What a look finds: sums since the step began."""
        alone = self.configuration == "new"
        new = _less(self.evidence[OLD if alone else NEXT], since.get(OLD if alone else NEXT, Evidence()))
        old = None if alone else self.evidence[OLD]
        return Seen(
            settled=not self.busy, configuration=self.configuration, percent=self.percent, counts=dict(self.counts),
            held=self.held, failure=self.failure, new=new, old=old,
        )  # fmt: skip


def _less(now: Evidence, before: Evidence) -> Evidence:
    return now.model_copy(
        update={
            "requests": now.requests - before.requests, "failed": now.failed - before.failed,
            "timed": now.timed - before.timed,
            "slower": tuple(a - b for a, b in zip(now.slower, before.slower, strict=True)),
            "labels": {key: count - before.labels.get(key, 0) for key, count in now.labels.items()},
        }
    )  # fmt: skip


def play(
    strategy: ReleaseSpec, new: Release, seed: int, crashes: frozenset[int] = frozenset()
) -> tuple[Rollout, World]:
    """Look once a second; at the looks in `crashes` the controller dies after it wrote down what it is about to do."""
    random = Random(seed)
    world = World(random, new, mirrored=isinstance(strategy, Shadow))
    state, since = rollout(strategy), dict[str, Evidence]()
    for now in range(400):
        world.tick()
        before = state
        state, act = decide(state, world.seen(state, since), float(now))
        state = Rollout.model_validate_json(state.model_dump_json())  # All that survives is what was written.
        if state.baking_since != before.baking_since and state.baking_since is not None:
            since = dict(world.evidence)
        if act and now not in crashes:
            world.ask(act)
        check(strategy, state, world)
        if state.is_over:
            return state, world
    raise AssertionError(f"it never ended: {state}")


def check(strategy: ReleaseSpec, state: Rollout, world: World) -> None:
    """What must be so at every moment."""
    # Whole releases only: the old, the old beside the new, the new.
    assert world.configuration in {"old", "beside", "new"}
    # Never more calls than the step it is in allows: the bakes of all before have passed.
    passed = strategy.stages[: state.position + 1]
    allowed = max(stage.percent for stage in passed) if state.position < len(strategy.stages) else 100
    share = 100 if world.configuration == "new" else world.percent
    if state.phase is Phase.FORWARD:
        assert share <= allowed
    # Whoever gets calls has the instances for them, and the old release keeps its own until the end.
    if world.configuration == "beside":
        assert world.counts[OLD] == world.count
        assert world.counts[NEXT] >= ceil(world.percent / 100 * world.count)
    assert world.counts[OLD] >= world.count


strategies = st.sampled_from(STRATEGIES)
seeds = st.integers(0, 10_000)
moments = st.frozensets(st.integers(0, 60), max_size=9)


@settings(max_examples=500, deadline=None)
@given(strategies, seeds, moments)
def test_a_sound_release_arrives_whenever_its_controller_crashes(
    strategy: ReleaseSpec, seed: int, crashes: frozenset[int]
) -> None:
    state, world = play(strategy, Release(failing=0.002, slow=0.005), seed, crashes)
    assert state.phase is Phase.RELEASED, state.reason
    assert world.configuration == "new"
    assert not world.held
    bakes = [stage for stage in strategy.stages if stage.bake_seconds]
    assert len(world.history) >= sum(stage.bake_seconds for stage in bakes)


BAD = [Release(failing=1.0), Release(failing=0.3), Release(slow=0.9), Release(label=1.0), Release(starts=False)]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(STRATEGIES[:3]), st.sampled_from(BAD), seeds, moments)
def test_a_bad_one_goes_back_whenever_its_controller_crashes(
    strategy: ReleaseSpec, bad: Release, seed: int, crashes: frozenset[int]
) -> None:
    patient = strategy.model_copy(update={"bake_seconds": 25})
    state, world = play(patient, bad, seed, crashes)
    assert state.phase is Phase.ROLLED_BACK
    assert world.configuration == "old"
    assert not world.held
    assert max(percent for _, percent in world.history) <= patient.stages[0].percent


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_what_fails_outright_is_back_within_ten_looks_of_its_first_call(seed: int) -> None:
    _, world = play(STRATEGIES[0], Release(failing=1.0), seed)
    shares = [percent for _, percent in world.history]
    first, last = shares.index(10.0), len(shares) - 1 - shares[::-1].index(10.0)
    assert last - first <= 10


def test_the_first_thing_on_the_way_back_takes_every_call_at_once() -> None:
    baking = rollout(STRATEGIES[0]).model_copy(update={"baking_since": 0.0, "asked": "beside", "instances": 1})
    bad = Seen(
        settled=True, configuration="beside", percent=10.0, counts={OLD: 1, NEXT: 1}, held=True,
        new=Evidence(requests=50, failed=50), old=Evidence(requests=450),
    )  # fmt: skip
    back, act = decide(baking, bad, 1.0)
    assert (back.phase, act) == (Phase.BACK, Divide(0))
    assert decide(back, replace(bad, settled=False), 2.0) == (back, None), "AWS takes one change at a time"
    assert decide(back, replace(bad, percent=0.0), 3.0)[1] == Configure("old")
    assert decide(back, replace(bad, percent=0.0, configuration="old"), 4.0)[1] == Hold(False)


def test_all_at_once_is_held_to_its_promise_or_not_watched() -> None:
    state, world = play(STRATEGIES[3].model_copy(update={"bake_seconds": 30}), Release(failing=0.5), 1)
    assert (state.phase, world.configuration) == (Phase.ROLLED_BACK, "old")
    assert "1.0% are promised" in state.reason
    state, world = play(STRATEGIES[4], Release(failing=0.5), 1)
    assert (state.phase, world.configuration) == (Phase.RELEASED, "new")


def test_too_few_requests_are_no_proof() -> None:
    state, world = play(STRATEGIES[0].model_copy(update={"least_requests": 10_000}), Release(), 1)
    assert (state.phase, world.configuration) == (Phase.ROLLED_BACK, "old")
    assert "of 10000 requests came to it" in state.reason


def test_an_alarm_that_was_there_before_is_not_its_doing() -> None:
    state = rollout(STRATEGIES[0]).model_copy(update={"alarms": ("e-load",)})
    calm = Seen(settled=True, configuration="old", counts={OLD: 1}, held=False, alarms=("e-load",))
    assert decide(state, calm, 1.0)[1] == Hold(True)
    back, act = decide(state, replace(calm, alarms=("e-latency", "e-load")), 1.0)
    assert (back.phase, back.reason, act) == (Phase.ROLLED_BACK, "alarm e-latency", None)
