"""What a training job is asked to do: the hyperparameters, which SageMaker hands over as strings in a file."""

import json
from dataclasses import dataclass

from ml.contract import Container
from ml.errors import InputError
from ml.models import catalogue
from ml.training.recipe import Recipe

EXAMPLE = '{"model": "review_sentiment", "recipe": "debug"}'
# The SageMaker SDK adds hyperparameters of its own under this prefix.
FOREIGN_PREFIX = "sagemaker_"


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which model to train, by which recipe; any field of the recipe may be given as a hyperparameter and then wins.

    `data` is the S3 address of a data set that is streamed; without it the platform has copied one into a channel.
    """

    model: str
    recipe_name: str
    recipe: Recipe
    data: str | None = None


def read(container: Container) -> Request:
    """Read and check the job's hyperparameters."""
    path = container.configuration / "hyperparameters.json"
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            "hyperparameters", str(path), f"cannot be read ({error})", f"write it, e.g. {EXAMPLE}"
        ) from error
    changes = {name: str(value) for name, value in given.items() if not name.startswith(FOREIGN_PREFIX)}
    for name in ("model", "recipe"):
        if name not in changes:
            raise InputError("hyperparameters", str(sorted(changes)), f"lack {name!r}", f"give at least {EXAMPLE}")
    model, name, data = changes.pop("model"), changes.pop("recipe"), changes.pop("data", None)
    return Request(model=model, recipe_name=name, recipe=catalogue.recipe(model, name).changed(changes), data=data)
