"""Transfer learning: which weights move at which step and how fast, and narrow maps that leave no trace when saved."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ml.contract import Place
from ml.errors import InputError
from ml.models.review_sentiment.model import Head
from ml.models.review_writer.model import Writer
from ml.training import lora
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.teaching import Teaching, depths
from ml.training.world import join

RECIPE = Recipe(epochs=1, batch_size=4, learning_rate=0.01, log_every=100, checkpoint_every=100)


class Stack:
    """A network of a floor, three layers and a roof, which learns from noise."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.module = nn.Module()
        self.module.floor = nn.Linear(4, 4)
        self.module.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.module.roof = nn.Linear(4, 2)
        self.lengths = [1] * 40
        self.seen: list[set[str]] = []

    def loss(self, module: nn.Module, batch: list[int]) -> Tensor:
        rows = self.module.floor(torch.randn(len(batch), 4))
        for layer in self.module.layers:
            rows = layer(torch.tanh(rows))
        self.seen.append({name for name, value in self.module.named_parameters() if value.requires_grad})
        return self.module.roof(rows).square().mean()

    def right_answers(self) -> tuple[int, int]:
        return 0, 1


def train(task: Stack, recipe: Recipe, folder: Path) -> Run:
    with join(Place()) as world:
        checkpoints = Checkpoints(folder, "stack", world)
        run = Run(task, recipe, world, checkpoints=checkpoints, stop=StopRequest(), report=lambda _point: None)
        run.finish()
        return run


def test_depth_is_how_many_layers_stand_above() -> None:
    head = depths(Head(2, 2))
    assert head["classifier.weight"] == 0
    assert head["layers.1.query.weight"] == 1
    assert head["layers.0.norm.bias"] == 2
    writer = depths(Writer(layers=3, heads=1, width=8, context=8))
    assert {writer["last_norm.weight"], writer["layers.2.mixing.0.bias"], writer["bytes.weight"]} == {0, 1, 4}


def test_layers_join_from_the_top_at_their_share_of_the_steps(tmp_path: Path) -> None:
    task = Stack()
    floor = task.module.floor.weight.clone()
    train(task, replace(RECIPE, unfreeze_every=0.3), tmp_path)
    parts = [{name.removeprefix("layers.").split(".")[0] for name in names} for names in task.seen]
    assert parts == [{"roof"}] * 3 + [{"roof", "2"}] * 3 + [{"roof", "2", "1"}] * 3 + [{"roof", "2", "1", "0"}]
    assert torch.equal(task.module.floor.weight, floor)


def test_nothing_changes_any_more_once_all_layers_are_taught() -> None:
    teaching = Teaching(Stack().module, replace(RECIPE, unfreeze_every=0.1), steps=10)
    assert [step for step in range(10) if teaching.reach(step)] == [0, 1, 2, 3, 4]


def test_each_layer_learns_slower_than_the_one_above() -> None:
    teaching = Teaching(Stack().module, replace(RECIPE, layer_decay=0.5), steps=10)
    optimizer = teaching.optimizer(0.0)
    teaching.set_rate(optimizer, 0.8)
    assert [group["lr"] for group in optimizer.param_groups] == [0.8, 0.4, 0.2, 0.1, 0.05]
    assert [group["params"][0].shape[0] for group in optimizer.param_groups] == [2, 4, 4, 4, 4]


def test_narrow_maps_learn_alone_and_are_added_up(tmp_path: Path) -> None:
    task = Stack()
    before = {name: value.clone() for name, value in task.module.state_dict().items()}
    run = train(task, replace(RECIPE, lora_rank=2, lora_alpha=4.0), tmp_path)
    after = run.weights()
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in before.items()}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"layers.0.weight", "layers.1.weight", "layers.2.weight", "roof.weight", "roof.bias"}
    assert torch.linalg.matrix_rank(after["layers.1.weight"] - before["layers.1.weight"], atol=1e-5) == 2
    rows = torch.randn(3, 4)
    plain = nn.functional.linear(rows, after["layers.1.weight"], after["layers.1.bias"])
    assert torch.allclose(task.module.layers[1](rows), plain, atol=1e-6)


def test_a_network_without_linear_layers_has_nothing_to_adapt() -> None:
    with pytest.raises(InputError, match="has no linear map in its layers"):
        lora.adapt(nn.ModuleList([nn.LayerNorm(3)]), 2, 4.0)


@pytest.mark.parametrize("changes", [{"unfreeze_every": 1.5}, {"layer_decay": 0.0}, {"lora_rank": -1}])
def test_shares_and_ranks_out_of_bounds_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"recipe field {next(iter(changes))!r}"):
        replace(RECIPE, **changes)
