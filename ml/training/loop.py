"""The training loop, one for every model: batches, gradients, clipping, schedule, checkpoints, an orderly stop.

Everything that a step draws at random follows from the seed, the step and the rank, so a run needs no saved generator
state to be resumed, and the same seed gives the same metrics.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ml.errors import InputError
from ml.training import attention, lora, parallel
from ml.training.batches import Batches
from ml.training.checkpoints import Checkpoints, Position
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.teaching import Teaching
from ml.training.world import World

Point = dict[str, Any]
"""One point of the curve: step, seconds, and loss with learning_rate or, at the end of an epoch, accuracy."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a finished run reports; `seconds_per_step` counts everything but judging on held-out examples."""

    steps: int
    accuracy: float
    seconds_per_step: float
    train_seconds: float
    curve: list[Point]


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of a step: up in a line over the warm-up, then down along half a cosine to nothing."""
    warm_up = max(1, round(recipe.warmup_share * steps))
    if step < warm_up:
        return recipe.learning_rate * (step + 1) / warm_up
    return recipe.learning_rate * (0.5 + 0.5 * math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _parts(batch_size: int, recipe: Recipe, world: World) -> int:
    """Return in how many parts a process takes its share of a step, all of one size: their mean is the step's mean."""
    if batch_size % (world.size * recipe.accumulate):
        rule = f"cannot be cut into equal parts for {world.size} processes, {recipe.accumulate} each"
        raise InputError("recipe field 'batch_size'", f"batch_size={batch_size}", rule, "choose a multiple of both")
    return recipe.accumulate


class Run:
    """One training run: `Run(...).finish()`, or `StoppedError` after a checkpoint when the platform asks for it.

    `report` is called with each point of the curve, in every process.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        world: World,
        *,
        checkpoints: Checkpoints,
        stop: StopRequest,
        report: Callable[[Point], None],
    ) -> None:
        self.task, self.recipe, self.world = task, recipe, world
        self._checkpoints, self._stop, self._report = checkpoints, stop, report
        # Only when it changes something: even switching it off imports all of the compiler.
        if recipe.deterministic != torch.are_deterministic_algorithms_enabled():
            torch.use_deterministic_algorithms(recipe.deterministic)
        self._batches = Batches(task.lengths, recipe.batch_size, recipe.seed)
        self._parts = _parts(self._batches.batch_size, recipe, world)
        self.steps = self._batches.per_epoch * recipe.epochs
        if recipe.lora_rank:
            lora.adapt(task.module, recipe.lora_rank, recipe.lora_alpha)
        parallel.shard(task.module.train(), recipe.parallel, world)
        self._teaching = Teaching(task.module, recipe, self.steps)
        self._optimizer = self._teaching.optimizer(recipe.weight_decay)
        position = checkpoints.restore(task.module, self._optimizer)
        self.first_step, self.curve = position.step, position.curve
        self._losses = [torch.tensor(loss) for loss in position.pending]
        self._saved = self.first_step
        # A save goes on while the next steps are done: those count among the steps that a lost machine costs.
        self._steps_to_save = recipe.checkpoint_every // 4
        self._save_every = recipe.checkpoint_every - self._steps_to_save
        self._accuracy = self._seconds_judging = 0.0
        self._teaching.reach(self.first_step)
        self._module = self._joined()

    def _joined(self) -> nn.Module:
        """Return the network as steps go through it, anew whenever other layers are taught."""
        module = parallel.joined(self.task.module, self.world)
        if self.recipe.compile:
            module.compile()
        return module

    def weights(self) -> dict[str, Tensor]:
        """Return the whole network's weights on the CPU, under the names that the task gave them; all must ask."""
        weights = parallel.weights(self.task.module)
        if self.recipe.lora_rank and self.world.is_first:
            return lora.merged(weights, self.recipe.lora_rank, self.recipe.lora_alpha)
        return weights

    def finish(self) -> Outcome:
        """Do all steps that are left."""
        earlier = self.curve[-1]["seconds"] if self.curve else 0.0
        self._began = time.perf_counter() - earlier
        for step in range(self.first_step, self.steps):
            self._stop.phase = self._phase(step)
            self._losses.append(self._train(step))
            done = step + 1
            at_checkpoint = done % self._save_every == 0
            if at_checkpoint or done % self.recipe.log_every == 0 or done == self.steps:
                self._take_stock(done)
            if done % self._batches.per_epoch == 0:
                self._judge(done)
            if at_checkpoint and done < self.steps:
                self._save(done)
            if done - self._saved >= self._steps_to_save:
                self._checkpoints.finish()
            self._stop_if_asked(done)
        self._checkpoints.finish()
        seconds = self._seconds()
        return Outcome(
            steps=self.steps,
            accuracy=self._accuracy,
            seconds_per_step=(seconds - earlier - self._seconds_judging) / (self.steps - self.first_step),
            train_seconds=seconds,
            curve=self.curve,
        )

    def _phase(self, step: int) -> str:
        if self._checkpoints.saving:
            return "save"
        return "warm-up" if step < self.recipe.warmup_share * self.steps else "step"

    def _train(self, step: int) -> Tensor:
        """Do one step and return its loss, still on the device: reading it would wait for the device."""
        self.world.seed((self.recipe.seed * self.steps + step) * self.world.size + self.world.rank)
        if self._teaching.reach(step):
            self._module = self._joined()
        self._teaching.set_rate(self._optimizer, learning_rate(self.recipe, step, self.steps))
        batch = self._batches[step]
        mine, losses = self.world.mine(batch), []
        with attention.kernel(self.world.device, max(self.task.lengths[position] for position in batch)):
            for part in range(self._parts):
                with parallel.without_exchange(self._module, when=part < self._parts - 1):
                    loss = self.task.loss(self._module, mine[part :: self._parts]) / self._parts
                    loss.backward()  # type: ignore[no-untyped-call]
                losses.append(loss.detach())
        self._teaching.drop_frozen()
        nn.utils.clip_grad_norm_(self.task.module.parameters(), self.recipe.largest_gradient)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return torch.stack(losses).sum()

    def _take_stock(self, done: int) -> None:
        """Report the mean loss since the last time."""
        (total,) = self.world.total([float(torch.stack(self._losses).mean())])
        self._losses.clear()
        self._add(
            {
                "step": done,
                "loss": total / self.world.size,
                "learning_rate": learning_rate(self.recipe, done - 1, self.steps),
            }
        )

    def _stop_if_asked(self, done: int) -> None:
        """Save and stop after this step, all processes at the same one, when any of them was asked to."""
        (asked,) = self.world.total([float(self._stop.requested)])
        if asked and done < self.steps:
            if self._saved != done:
                self._save(done)
            self._checkpoints.finish()
            stands = "and so does its checkpoint" if self._checkpoints.step == done else self._behind()
            raise self._stop.stopped(f"the run stands at step {done} of {self.steps}, {stands}")

    def _behind(self) -> str:
        return f"its newest checkpoint at step {self._checkpoints.step}: the last save failed, see above"

    def _judge(self, done: int) -> None:
        """Measure the share of held-out examples that are answered rightly, over all processes."""
        began = time.perf_counter()
        self._stop.phase = "evaluation"
        self.world.say(f"evaluating step={done}")
        self.task.module.eval()
        with torch.inference_mode(), parallel.whole(self.task.module):
            right, count = self.world.total(self.task.right_answers())
        self.task.module.train()
        self._accuracy = right / count
        self._seconds_judging += time.perf_counter() - began
        self._add({"step": done, "accuracy": self._accuracy})

    def _save(self, done: int) -> None:
        self._stop.phase = "save"
        pending = [float(loss) for loss in self._losses]
        self._checkpoints.save(
            Position(step=done, curve=self.curve.copy(), pending=pending), self.task.module, self._optimizer
        )
        self._saved = done

    def _add(self, point: Point) -> None:
        self.curve.append({**point, "seconds": self._seconds()})
        self._report(self.curve[-1])

    def _seconds(self) -> float:
        return time.perf_counter() - self._began
