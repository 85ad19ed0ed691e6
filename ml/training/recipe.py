"""A recipe: every number that decides how a model is trained, as one frozen value."""

from dataclasses import dataclass, fields, replace
from typing import Self

from ml.errors import InputError, nearest


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the training loop reads; a model's own recipe adds fields to it.

    `most_examples` bounds each of train and test set (0: all); `batch_size` is a process's own. The learning rate rises
    over the first `warmup_share` of all steps and then falls along half a cosine to nothing.
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

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "log_every", "checkpoint_every"):
            if (value := getattr(self, name)) < 1:
                raise InputError(f"recipe field {name!r}", f"{name}={value}", "is below 1", "give 1 or more")

    def changed(self, changes: dict[str, str]) -> Self:
        """Return the recipe with some fields changed; hyperparameters reach a job as strings."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        values = {}
        for name, text in changes.items():
            if name not in known:
                raise InputError("hyperparameter", repr(name), "is no field of the recipe", nearest(name, known))
            try:
                values[name] = known[name](text)
            except ValueError as error:
                raise InputError(
                    f"hyperparameter {name!r}", repr(text), f"is not {known[name].__name__}", "mend the value"
                ) from error
        return replace(self, **values)
