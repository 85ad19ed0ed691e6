"""Ways to train the toy: `only`, and `even`, whose result does not depend on how many processes share the work."""

from dataclasses import dataclass

from ml.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ToyRecipe(Recipe):
    """What the toy adds."""

    dropout: float = 0.2


RECIPES = {
    "only": ToyRecipe(epochs=2, batch_size=8, learning_rate=0.05, log_every=5, checkpoint_every=7),
    "even": ToyRecipe(epochs=2, batch_size=12, learning_rate=0.05, log_every=5, checkpoint_every=7, dropout=0.0),
}
