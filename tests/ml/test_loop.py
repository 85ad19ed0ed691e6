"""The training loop against the same loop written plainly, and the order in which it takes the examples."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from ml import models
from ml.contract import Place
from ml.data import datasets
from ml.errors import StoppedError
from ml.models import catalogue
from ml.training.batches import Batches
from ml.training.checkpoints import Checkpoints, Position
from ml.training.loop import Run, learning_rate
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.world import join
from tests.ml.jobs import ROOT
from tests.ml.plain_loop import ours, plain
from tests.ml.toy_model.recipes import ToyRecipe

RECIPE = ToyRecipe(epochs=2, batch_size=8, learning_rate=0.05, log_every=1, checkpoint_every=7)


@pytest.fixture
def toy_task(toy_data: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(ROOT / "tests" / "ml")])
    torch.manual_seed(1)
    with join(Place()) as world:
        task: Task = catalogue.part("toy_model", "task").build(RECIPE, datasets.read(toy_data)[1], world)
        return task


def test_it_computes_what_the_plain_loop_computes(toy_task: Task, tmp_path: Path) -> None:
    start = {name: value.clone() for name, value in toy_task.module.state_dict().items()}
    with join(Place()) as world:
        losses = ours(toy_task, RECIPE, world, tmp_path)
    ended = {name: value.clone() for name, value in toy_task.module.state_dict().items()}
    toy_task.module.load_state_dict(start)
    expected = plain(toy_task, RECIPE)
    assert losses == expected
    assert all(torch.equal(value, ended[name]) for name, value in toy_task.module.state_dict().items())


def test_a_stop_is_obeyed_after_the_step_and_leaves_a_checkpoint(toy_task: Task, tmp_path: Path) -> None:
    stop = StopRequest()
    recipe = replace(RECIPE, log_every=5, checkpoint_every=1000)

    def ask_at_ten(point: dict[str, object]) -> None:
        stop.requested = stop.requested or point["step"] == 10

    with join(Place()) as world:
        checkpoints = Checkpoints(tmp_path, "this", world)
        run = Run(toy_task, recipe, world, checkpoints=checkpoints, stop=stop, report=ask_at_ten)
        with pytest.raises(StoppedError, match="the run stands at step 10 of"):
            run.finish()
        optimizer = torch.optim.AdamW(toy_task.module.parameters())
        assert Checkpoints(tmp_path, "this", world).restore(toy_task.module, optimizer).step == 10
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000010"]


class Slow(Checkpoints):
    """Saves that end no sooner than somebody waits for them."""

    durable = begun = 0

    def save(self, position: Position, *_: object) -> None:
        self.finish()
        self.begun = position.step

    def finish(self) -> None:
        self.durable = self.begun


@pytest.mark.parametrize("most", [1, 2, 3, 4, 7, 8, 20])
def test_however_slow_a_save_a_lost_machine_costs_no_more_steps_than_promised(
    most: int, toy_task: Task, tmp_path: Path
) -> None:
    at_risk = []
    with join(Place()) as world:
        checkpoints = Slow(tmp_path, "this", world)
        Run(
            toy_task, replace(RECIPE, checkpoint_every=most), world, checkpoints=checkpoints, stop=StopRequest(),
            report=lambda point: at_risk.append(point["step"] - checkpoints.durable),
        ).finish()  # fmt: skip
    assert max(at_risk) == most


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [learning_rate(RECIPE, step, 100) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == pytest.approx(RECIPE.learning_rate)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < RECIPE.learning_rate / 100


@given(some.lists(some.integers(1, 100), min_size=1, max_size=200), some.integers(1, 50), some.integers(0, 5))
def test_an_epoch_takes_no_example_twice_and_misses_less_than_a_batch(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    batches = Batches(lengths, batch_size, seed)
    for epoch in range(2):
        steps = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
        taken = [position for step in steps for position in batches[step]]
        assert len(set(taken)) == len(taken)
        assert len(lengths) - len(taken) < min(batch_size, len(lengths))


@given(some.lists(some.integers(1, 100), min_size=20, max_size=100), some.integers(0, 30))
def test_a_step_sees_the_same_examples_whatever_came_before(lengths: list[int], step: int) -> None:
    from_the_start = Batches(lengths, 4, seed=3)
    for earlier in range(step):
        from_the_start[earlier]
    assert Batches(lengths, 4, seed=3)[step] == from_the_start[step]


def test_epochs_and_seeds_differ_and_batches_hold_like_lengths() -> None:
    lengths = [position % 50 for position in range(4000)]
    batches = Batches(lengths, 32, seed=1)
    assert batches[0] != batches[batches.per_epoch]
    assert batches[0] != Batches(lengths, 32, seed=2)[0]
    spread = [max(found) - min(found) for step in range(20) if (found := [lengths[p] for p in batches[step]])]
    assert max(spread) < 25
