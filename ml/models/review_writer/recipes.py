"""Ways to train the model: `debug` in seconds, `laptop` in two minutes on two cores, `node` to fill eight H100s."""

from dataclasses import dataclass

from ml.training.recipe import Recipe
from ml.training.search import LogUniform, Search, Uniform


@dataclass(frozen=True, kw_only=True)
class LanguageRecipe(Recipe):
    """What a language model adds: its shape. `context` counts the bytes that a prediction may look back on."""

    layers: int
    heads: int
    width: int
    context: int
    dropout: float = 0.0


RECIPES = {
    "debug": LanguageRecipe(
        layers=2, heads=2, width=64, context=64, epochs=1, batch_size=12, learning_rate=3e-3, most_examples=400,
        log_every=5, checkpoint_every=10,
    ),
    "laptop": LanguageRecipe(
        layers=3, heads=4, width=128, context=96, epochs=1, batch_size=24, learning_rate=3e-3, checkpoint_every=200
    ),
    # 6.7 billion weights: sharded, 8 x 80 GB hold them with their gradients and AdamW's two moments in float32.
    "node": LanguageRecipe(
        layers=32, heads=32, width=4096, context=2048, epochs=1, batch_size=256, accumulate=16, learning_rate=3e-4,
        parallel="fsdp", compile=True, checkpoint_every=500,
    ),
}  # fmt: skip

# Where `groundplan tune` looks.
SEARCH: Search = {
    "learning_rate": LogUniform(3e-5, 3e-2),
    "weight_decay": LogUniform(1e-4, 0.3),
    "warmup_share": Uniform(0.0, 0.3),
    "dropout": Uniform(0.0, 0.3),
}
