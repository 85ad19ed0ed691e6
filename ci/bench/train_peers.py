"""The same steps on the same network by others: a plain loop, PyTorch Lightning, Accelerate.

The last two do what ours does around its steps: schedule, clipping, a checkpoint and the loss, told to a new MLflow
store in SQLite by their own integrations, as often as the recipe says. They are trainers, and run as they come. The
plain loop does nothing but its steps, with our choice of attention's kernel: it shows what the rest of a loop costs.
"""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from ml.training import attention
from ml.training.batches import Batches
from ml.training.loop import learning_rate
from ml.training.recipe import Recipe
from ml.training.task import Task


def plain(task: Task, recipe: Recipe, _folder: Path) -> None:
    """Take every step of the recipe with nothing around it."""
    module, batches = task.module.train(), _batches(task, recipe)
    device = next(module.parameters()).device
    optimizer = AdamW(module.parameters(), weight_decay=recipe.weight_decay, fused=True)
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, len(batches))
        with attention.kernel(device, max(task.lengths[position] for position in batch)):
            loss = task.loss(module, batch)
            loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), recipe.largest_gradient)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def lightning(task: Task, recipe: Recipe, folder: Path) -> None:
    """Let Lightning's trainer take them."""
    from pytorch_lightning import LightningModule, Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loggers import MLFlowLogger

    batches = _batches(task, recipe)

    class Taught(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = task.module.train()

        def training_step(self, batch: list[int], _number: int) -> Tensor:
            loss = task.loss(self.network, batch)
            self.log("loss", loss, batch_size=len(batch))
            return loss

        def configure_optimizers(self) -> dict[str, Any]:
            optimizer, schedule = _optimizer(self.network, recipe, len(batches))
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    trainer = Trainer(
        accelerator="cpu", devices=1, max_epochs=1, gradient_clip_val=recipe.largest_gradient,
        logger=MLFlowLogger(tracking_uri=_store(folder)), log_every_n_steps=recipe.log_every, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[ModelCheckpoint(folder, every_n_train_steps=recipe.checkpoint_every)],
    )  # fmt: skip
    trainer.fit(Taught(), _loader(batches))


def accelerate(task: Task, recipe: Recipe, folder: Path) -> None:
    """Write the loop as Accelerate's guide does."""
    import mlflow
    from accelerate import Accelerator

    batches = _batches(task, recipe)
    mlflow.set_tracking_uri(_store(folder))
    accelerator = Accelerator(cpu=True, log_with="mlflow")
    accelerator.init_trackers("bench")
    optimizer, schedule = _optimizer(task.module.train(), recipe, len(batches))
    module, optimizer, loader, schedule = accelerator.prepare(task.module, optimizer, _loader(batches), schedule)
    losses = []
    for done, batch in enumerate(loader, 1):
        loss = task.loss(module, batch)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(module.parameters(), recipe.largest_gradient)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.detach())
        if done % recipe.log_every == 0:
            accelerator.log({"loss": float(torch.stack(losses).mean())}, step=done)
            losses.clear()
        if done % recipe.checkpoint_every == 0:
            accelerator.save_state(str(folder))
    # Not `end_training`: it would end the process group, which the other loops of this process still need.
    for tracker in accelerator.trackers:
        tracker.finish()


PEERS = {"plain loop": plain, "Lightning": lightning, "Accelerate": accelerate}


def _store(folder: Path) -> str:
    folder.mkdir(parents=True)
    return f"sqlite:///{folder / 'mlflow.db'}"


def _batches(task: Task, recipe: Recipe) -> list[list[int]]:
    batches = Batches(task.lengths, recipe.batch_size, recipe.seed)
    return [batches[step] for step in range(batches.per_epoch)]


def _optimizer(module: nn.Module, recipe: Recipe, steps: int) -> tuple[Any, Any]:
    optimizer = AdamW(module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    return optimizer, LambdaLR(optimizer, lambda step: learning_rate(recipe, step, steps) / recipe.learning_rate)


def _loader(batches: Sequence[list[int]]) -> Any:
    """Return a loader that hands over each batch's positions as they are."""
    return DataLoader(batches, batch_size=None, collate_fn=lambda batch: batch)  # type: ignore[arg-type]
