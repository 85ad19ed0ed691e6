"""Ways to train the model: `debug` in seconds, for tests; `laptop` in less than two minutes on two cores.

`unfreezing` and `lora` are two gentler ways to adapt more layers; `scratch` starts from nothing, to say what the
pretrained weights are worth.
"""

from dataclasses import dataclass

from ml.errors import InputError
from ml.optimization.recipe import (
    Compiled,
    Course,
    Distil,
    Export,
    Gates,
    Optimization,
    Prune,
    Quantize,
    TensorRT,
)
from ml.training.recipe import Recipe
from ml.training.search import Choice, LogUniform, Search, Uniform, Whole

# Of MiniLM; its module cannot be asked, for that imports torch.
LAYERS, POSITIONS = 6, 512


@dataclass(frozen=True, kw_only=True)
class TextRecipe(Recipe):
    """What fine-tuning adds: how much of the network and of each text takes part.

    The layers below `taught_layers` stay as pretrained, and what they make of each text is computed once. Without
    `pretrained` weights all layers are taught.
    """

    pretrained: bool = True
    taught_layers: int = 2
    most_tokens: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        bounds = {"taught_layers": (0, LAYERS), "most_tokens": (2, POSITIONS), "dropout": (0, 1)}
        for name, (least, most) in bounds.items():
            if not least <= (value := getattr(self, name)) <= most:
                rule = f"is not from {least} to {most}"
                raise InputError(f"recipe field {name!r}", f"{name}={value}", rule, "give a value between them")


@dataclass(frozen=True, kw_only=True)
class StudentShape:
    """The small network (student.py): words that have a row of their own, numbers in it, channels of each convolution.

    While it learns, `dropout` of what it holds and `forgotten_words` of what it reads are left out by chance. It learns
    by so many `spans` of each text beside the whole.
    """

    words: int = 12000
    width: int = 72
    channels: int = 72
    kernels: tuple[int, ...] = (3, 5)
    dropout: float = 0.2
    forgotten_words: float = 0.1
    spans: int = 2


RECIPES = {
    "debug": TextRecipe(
        epochs=1, batch_size=32, learning_rate=5e-4, taught_layers=1, most_tokens=32, most_examples=320, log_every=2
    ),
    "laptop": TextRecipe(epochs=1, batch_size=32, learning_rate=5e-4),
    "unfreezing": TextRecipe(
        epochs=1, batch_size=32, learning_rate=5e-4, taught_layers=3, unfreeze_every=0.15, layer_decay=0.7
    ),
    "lora": TextRecipe(epochs=1, batch_size=32, learning_rate=2e-3, taught_layers=3, lora_rank=8),
    "scratch": TextRecipe(pretrained=False, epochs=1, batch_size=32, learning_rate=5e-4),
}

# Where `groundplan tune` looks.
SEARCH: Search = {
    "learning_rate": LogUniform(5e-5, 5e-3),
    "weight_decay": LogUniform(1e-4, 0.3),
    "warmup_share": Uniform(0.0, 0.3),
    "dropout": Uniform(0.0, 0.4),
    "taught_layers": Whole(1, 3),
    "batch_size": Choice((16, 32, 64)),
}

# Ways to optimize it, beside `exact`.
OPTIMIZATIONS = {
    "int8": Optimization(
        steps=(Export(), Quantize(how="dynamic", tolerance=0.3)), gates=Gates(most_points_lost=2.0), elsewhere=True
    ),
    "compiled": Optimization(
        steps=(Export(), Quantize(how="dynamic", tolerance=0.3)),
        packages=(Compiled(), TensorRT(optional=True)),
        gates=Gates(most_points_lost=2.0),
        elsewhere=True,
        most_judged=512,
    ),
    "small": Optimization(
        steps=(
            Distil(student=StudentShape(), course=Course(epochs=6)),
            Prune(share=0.1, course=Course(epochs=1, learning_rate=5e-4)),
            Export(),
            Quantize(how="static"),
        ),
        gates=Gates(most_points_lost=3.0, least_slice_accuracy=0.6, most_milliseconds=0.2, most_bytes=902_000),
        elsewhere=True,
    ),
}
