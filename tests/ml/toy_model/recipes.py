"""Ways to train the toy: `only`, and `even`, whose result does not depend on how many processes share the work."""

from dataclasses import dataclass

from ml.training.recipe import Recipe
from ml.training.search import Choice, LogUniform, Search, Uniform


@dataclass(frozen=True, kw_only=True)
class ToyRecipe(Recipe):
    """What the toy adds."""

    dropout: float = 0.2


RECIPES = {
    "only": ToyRecipe(epochs=2, batch_size=8, learning_rate=0.05, log_every=5, checkpoint_every=7),
    "even": ToyRecipe(epochs=2, batch_size=12, learning_rate=0.05, log_every=5, checkpoint_every=7, dropout=0.0),
}

SEARCH: Search = {
    "learning_rate": LogUniform(1e-4, 0.5),
    "dropout": Uniform(0.0, 0.6),
    "batch_size": Choice((4, 8, 12)),
}
