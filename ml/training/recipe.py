"""A recipe: every number that decides how a model is trained, as one frozen value."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from ml.errors import InputError, nearest

PARALLEL = ("ddp", "fsdp")
BESIDE_THE_RESULT = ("log_every", "checkpoint_every", "keep_checkpoints", "parallel", "compile", "accumulate")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the training loop reads; a model's own recipe adds fields to it.

    `most_examples` bounds each of train and test set (0: all); `batch_size` counts a step's examples over all
    processes, which go through the network in `accumulate` parts. The learning rate rises over the first `warmup_share`
    of all steps and then falls along half a cosine to nothing. `parallel` says how processes share the network: a copy
    in each ("ddp") or a shard in each ("fsdp"). A lost machine costs at most `checkpoint_every` steps: saves begin
    a quarter of that earlier, which is what one may take; training waits for one that takes longer.
    """

    most_examples: int = 0
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    largest_gradient: float = 1.0
    seed: int = 1
    log_every: int = 10
    checkpoint_every: int = 200
    keep_checkpoints: int = 2
    accumulate: int = 1
    parallel: str = "ddp"
    compile: bool = False
    deterministic: bool = False
    unfreeze_every: float = 0.0
    layer_decay: float = 1.0
    lora_rank: int = 0
    lora_alpha: float = 16.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "log_every", "checkpoint_every", "keep_checkpoints", "accumulate"):
            if (value := getattr(self, name)) < 1:
                raise InputError(f"recipe field {name!r}", f"{name}={value}", "is below 1", "give 1 or more")
        if self.parallel not in PARALLEL:
            raise InputError(
                "recipe field 'parallel'", f"parallel={self.parallel!r}", "is unknown", f"give one of {PARALLEL}"
            )

        for name, holds, rule in (
            ("unfreeze_every", 0 <= self.unfreeze_every <= 1, "is no share of the steps"),
            ("layer_decay", 0 < self.layer_decay <= 1, "is not above 0 and at most 1"),
            ("lora_rank", self.lora_rank >= 0, "is below 0"),
        ):
            if not holds:
                value = f"{name}={getattr(self, name)}"
                raise InputError(f"recipe field {name!r}", value, rule, "give 0.2, 0.8 or 8, say")

    def identity(self) -> dict[str, Any]:
        """Return what makes a run's result: a checkpoint fits a run whose recipe differs in anything else."""
        return {name: value for name, value in asdict(self).items() if name not in BESIDE_THE_RESULT}

    def changed(self, changes: dict[str, str]) -> Self:
        """Return the recipe with some fields changed; hyperparameters reach a job as strings."""
        known: dict[str, Callable[[str], Any]] = {
            field.name: _truth if isinstance(value := getattr(self, field.name), bool) else type(value)
            for field in fields(self)
        }
        values = {}
        for name, text in changes.items():
            if name not in known:
                raise InputError("hyperparameter", repr(name), "is no field of the recipe", nearest(name, known))
            try:
                values[name] = known[name](text)
            except ValueError as error:
                raise InputError(
                    f"hyperparameter {name!r}", repr(text), f"is not {_kind(known[name])}", "mend the value"
                ) from error
        return replace(self, **values)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _kind(reader: Callable[[str], Any]) -> str:
    return "true or false" if reader is _truth else getattr(reader, "__name__", "readable")
