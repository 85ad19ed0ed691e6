"""Ways to train the model, from `debug` in seconds to `node`, which fills eight H100s.

What each takes: `groundplan train prod review_writer --recipe node --plan --machine p5.48xlarge --tokens 20e9`.
"""

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

    @property
    def shape(self) -> dict[str, int]:
        """Return what the network is built by."""
        return {"layers": self.layers, "heads": self.heads, "width": self.width, "context": self.context}


RECIPES = {
    "debug": LanguageRecipe(
        layers=2, heads=2, width=64, context=64, epochs=1, batch_size=12, learning_rate=3e-3, most_examples=400,
        log_every=5, checkpoint_every=10,
    ),
    "laptop": LanguageRecipe(
        layers=3, heads=4, width=128, context=96, epochs=1, batch_size=24, learning_rate=3e-3, checkpoint_every=200
    ),
    # 86 million weights: one GPU of 24 GB.
    "gpu": LanguageRecipe(
        layers=12, heads=12, width=768, context=1024, epochs=1, batch_size=64, accumulate=8, learning_rate=6e-4,
        compile=True, checkpoint_every=500,
    ),
    # 1.2 billion: a machine of eight such GPUs, a shard of it in each.
    "eight_small": LanguageRecipe(
        layers=24, heads=16, width=2048, context=1024, epochs=1, batch_size=256, accumulate=16, learning_rate=4e-4,
        parallel="fsdp", compile=True, checkpoint_every=500,
    ),
    # 6.5 billion: eight GPUs of 80 GB, to 96 % of what tensors may fill of them.
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
