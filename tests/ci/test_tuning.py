"""What a tuner does with a study's trials, one situation at a time."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import BaseStorage, InMemoryStorage, get_storage

from ci.errors import CommandError
from ci.progress import QUIET
from ci.recovery.state import ENDING_SECONDS, Outcome
from ci.tuning.budget import LEAST_SECONDS, Budget, Over, Start, Wait, decide
from ci.tuning.curve import Curve
from ci.tuning.trials import End, Plan, State, Trial
from ci.tuning.tuner import Tuner
from tests.ci.played_trials import DEFAULTS, MACHINE, SEARCH, Cloud, Killed, Storage, study_in


def tuner(cloud: Cloud, storage: BaseStorage, *, trials: int = 8, **more: Any) -> Tuner:
    budget = Budget(**{"trials": trials, "hours": 100, "usd": 100, **more})
    return Tuner(study_in(storage), cloud, budget, MACHINE, parallel=2, progress=QUIET)


def finish(cloud: Cloud, at_work: Tuner, accuracy: float = 0.5) -> Over:
    for _ in range(50):
        if over := at_work.look():
            return over
        for job in cloud.running():
            job.end = (Outcome.STOPPED, None) if job.stopping else (Outcome.SUCCEEDED, accuracy)
    raise AssertionError("it does not end")


def test_the_recipes_own_values_are_tried_first_and_the_best_is_found() -> None:
    cloud, storage = Cloud(), InMemoryStorage()
    assert finish(cloud, tuner(cloud, storage)) == Over("no trial is left of 8")
    assert list(cloud.jobs) == list(range(8))
    assert cloud.jobs[0].values == DEFAULTS
    assert len({str(job.values) for job in cloud.jobs.values()}) == 8
    assert all(value in SEARCH[name] for job in cloud.jobs.values() for name, value in job.values.items())


def test_who_comes_after_a_killed_tuner_draws_no_values_that_were_drawn_before(tmp_path: Path) -> None:
    """On the storage that the command uses, a file; each call is a process of its own as far as that can tell."""
    cloud = Cloud()
    for trials in (2, 4, 6):
        storage = get_storage(f"sqlite:///{tmp_path / 'study.db'}")
        finish(cloud, tuner(cloud, storage, trials=trials))
        storage.remove_session()
    assert len({str(job.values) for job in cloud.jobs.values()}) == 6


def test_a_trial_that_does_worse_is_stopped_and_the_recipes_own_never() -> None:
    cloud, storage = Cloud(), InMemoryStorage()
    finish(cloud, tuner(cloud, storage, trials=4))
    for number, job in cloud.jobs.items():
        assert not job.stopping, number
    cloud, storage = Cloud(), InMemoryStorage()
    at_work = tuner(cloud, storage, trials=5)
    while at_work.look() is None:
        for number, job in cloud.jobs.items():
            if not job.rungs:
                job.rungs = {25: -9.0 if number in {0, 4} else -1.0}
            elif not job.end:
                job.end = (Outcome.STOPPED, None) if job.stopping else (Outcome.SUCCEEDED, 0.5)
    states = [trial.state for trial in study_in(storage).trials()]
    assert states == [State.COMPLETE] * 4 + [State.PRUNED]
    assert "worse" in (study_in(storage).trials()[4].end or End()).reason


def test_an_interrupted_trial_is_tried_again_under_a_number_of_its_own() -> None:
    cloud, storage = Cloud(), InMemoryStorage()
    at_work = tuner(cloud, storage, trials=6)
    at_work.look()
    at_work.interrupt()
    assert all(job.stopping for job in cloud.jobs.values())
    for job in cloud.jobs.values():
        job.end = (Outcome.STOPPED, None)
    finish(cloud, tuner(cloud, storage, trials=6))
    assert [cloud.jobs[number].values for number in (2, 3)] == [cloud.jobs[number].values for number in (0, 1)]
    known = study_in(storage).trials()
    assert [trial.state for trial in known] == [State.FAILED] * 2 + [State.COMPLETE] * 4
    assert known[2].is_default, "the report always has the recipe's own values"


def test_a_fault_that_is_not_in_the_values_ends_it_and_may_be_mended() -> None:
    cloud, storage = Cloud(), InMemoryStorage()
    at_work = tuner(cloud, storage)
    while (over := at_work.look()) is None:
        for job in cloud.running():
            job.end = (Outcome.FAILED, None)
    assert over == Over("4 trials failed and none completed"), "three, and the one beside the third"
    assert finish(cloud, tuner(cloud, storage)) == Over("no trial is left of 8")


def test_trials_of_another_kind_are_not_mixed_in() -> None:
    storage = InMemoryStorage()
    study_in(storage, data="one")
    with pytest.raises(CommandError, match="data other cannot be compared with its trials so far, which had one"):
        study_in(storage, data="other")


def known(number: int, *, seconds: float | None, limit: int = 1000) -> Trial:
    return Trial(
        number=number,
        values={},
        is_default=False,
        state=State.RUNNING if seconds is None else State.COMPLETE,
        plan=Plan(limit_seconds=limit, hourly_usd=1.2),
        end=None if seconds is None else End(seconds=seconds, accuracy=0.5),
        rungs={},
    )


@pytest.mark.parametrize(
    ("trials", "budget", "expected"),
    [
        ([], {}, 3600),
        # Half of what two hours leave to each of two, and 300 s of that to end.
        ([], {"hours": 2}, 3600 - ENDING_SECONDS),
        ([], {"usd": 1.2}, 1800 - ENDING_SECONDS),
        # One runs and may take 1,300 s yet; the other gets what is left of the hour.
        ([known(0, seconds=None)], {"hours": 1}, 3600 - 1300 - ENDING_SECONDS),
        # Not cut in two when half would not do for as long a trial as the longest.
        ([known(0, seconds=500)], {"usd": 0.5}, 500),
    ],
)
def test_a_trial_gets_its_share_of_what_is_left(trials: list[Trial], budget: Any, expected: int) -> None:
    decision = decide(trials, Budget(**{"trials": 9, "hours": 99, "usd": 99, **budget}), MACHINE, parallel=2)
    assert isinstance(decision, Start)
    assert decision.plan.limit_seconds == expected


@pytest.mark.parametrize(
    ("trials", "budget", "expected"),
    [
        ([known(0, seconds=None), known(1, seconds=None)], {}, Wait()),
        ([known(0, seconds=None)], {"trials": 1}, Wait()),
        ([known(0, seconds=9)], {"trials": 1}, Over("no trial is left of 1")),
        ([known(0, seconds=None)], {"hours": 0.4}, Wait()),
        (
            [known(0, seconds=600)],
            {"usd": 0.4},
            Over("what is left buys 600 machine seconds, and a trial may take 600 and 300 more to end"),
        ),
        ([], {"hours": (LEAST_SECONDS + ENDING_SECONDS - 1) / 3600}, "and a trial may take 60"),
    ],
)
def test_nothing_is_started_that_might_be_too_much(trials: list[Trial], budget: Any, expected: Any) -> None:
    decision = decide(trials, Budget(**{"trials": 9, "hours": 99, "usd": 99, **budget}), MACHINE, parallel=2)
    assert decision == expected or str(expected) in getattr(decision, "reason", "")


LINES = (
    "ready seconds=0.1 examples=320",
    "first_step=0 steps=10",
    *(f"step={step} loss={1 - step / 20:.4g} learning_rate=0.01 seconds={step}" for step in range(2, 11, 2)),
    "evaluating step=10",
    "step=10 accuracy=0.75 seconds=12",
)


def test_a_curve_is_cut_into_quarters_whatever_its_steps() -> None:
    curve = Curve("loss")
    for line in LINES:
        curve.read([line])
    assert curve.rungs == pytest.approx({25: -0.85, 50: -0.7, 75: -0.6})
    held_out = Curve("accuracy")
    held_out.read([*LINES[:2], "step=5 accuracy=0.6 seconds=3", LINES[-1]])
    assert held_out.rungs == {25: 0.6, 50: 0.6, 75: 0.75}
    nothing = Curve("nothing")
    nothing.read(LINES)
    assert nothing.rungs == {}


def test_a_loss_that_is_no_number_is_worse_than_any() -> None:
    curve = Curve("loss")
    curve.read([*LINES[:2], "step=3 loss=nan learning_rate=0.01 seconds=1"])
    assert curve.rungs[25] < -1e6
    cloud, storage = Cloud(), InMemoryStorage()
    finish(cloud, tuner(cloud, storage, trials=1))
    study = study_in(storage)
    plan = Plan(limit_seconds=60, hourly_usd=1.0)
    for rungs in ({25: -3.0}, {25: -1.0}, {25: -2.0}):
        other = study.plan(study.ask(), plan)
        assert not study.reached(other, rungs)
        study.end(other, State.COMPLETE, End(accuracy=0.5))
    assert study.reached(study.plan(study.ask(), plan), curve.rungs)
    assert not study.reached(study.plan(study.ask(), plan), {25: -1.5})


def test_a_kill_at_any_write_tries_no_interrupted_trial_twice() -> None:
    kills = 0
    for writes in range(12):
        cloud, storage = Cloud(), Storage()
        at_work = tuner(cloud, storage, trials=6)
        at_work.look()
        at_work.interrupt()
        for job in cloud.jobs.values():
            job.end = (Outcome.STOPPED, None)
        storage.writes_left = writes
        with suppress(Killed):
            tuner(cloud, storage, trials=6).look()
        kills += storage.writes_left < 0
        storage.writes_left = math.inf
        finish(cloud, tuner(cloud, storage, trials=6))
        tried = [str(job.values) for job in cloud.jobs.values()]
        assert len(set(tried)) == 4, "two of six were tried again, once each"
    assert kills == 12
