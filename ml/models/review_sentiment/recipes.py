"""Ways to train the model: `debug` in seconds, for tests; `laptop` in less than two minutes on two cores."""

from dataclasses import dataclass

from ml.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class TextRecipe(Recipe):
    """What fine-tuning adds: how much of the network and of each text takes part."""

    taught_layers: int = 2
    most_tokens: int = 128
    dropout: float = 0.1


RECIPES = {
    "debug": TextRecipe(
        epochs=1, batch_size=32, learning_rate=5e-4, taught_layers=1, most_tokens=32, most_examples=320, log_every=2
    ),
    "laptop": TextRecipe(epochs=1, batch_size=32, learning_rate=5e-4),
}
