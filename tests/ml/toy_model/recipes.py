"""Ways to train the toy: `only`, and `even`, whose result does not depend on how many processes share the work."""

from dataclasses import dataclass

from ml.optimization.recipe import Compiled, Course, Distil, Export, Gates, Optimization, Prune, Quantize, TensorRT
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

STEPS = (
    Distil(student=32, course=Course(epochs=4, batch_size=16, learning_rate=0.02)),
    Prune(share=0.5, course=Course(epochs=2, batch_size=16, quantization_aware=True)),
    Export(),
    Quantize(how="static", tolerance=0.3),
)
OPTIMIZATIONS = {
    "compiled": Optimization(steps=(Export(),), packages=(Compiled(), TensorRT(optional=True)), timed_seconds=0.01),
    "small": Optimization(steps=STEPS, gates=Gates(most_points_lost=15, most_bytes=10_000), timed_seconds=0.01),
    "impossible": Optimization(
        steps=STEPS, gates=Gates(least_accuracy=1.01, least_slice_accuracy=1.01), timed_seconds=0.01
    ),
}
