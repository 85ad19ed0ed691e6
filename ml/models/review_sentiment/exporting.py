"""The trained network as the optimization job sees it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ml.data.datasets import Example
from ml.models.review_sentiment import model
from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.recipes import POSITIONS

INPUT, OUTPUT = "tokens", "logits"
# What of the input's shape is left open, [batch, length].
OPEN_SHAPE = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=POSITIONS)}
# Files of the trained model that travel with the exported one.
KEPT_FILES = ("tokenizer.json",)


def load(folder: Path) -> nn.Module:
    """Rebuild the network that a training job saved."""
    weights = load_file(folder / "weights.safetensors")
    taught = len({name.split(".")[2] for name in weights if name.startswith("head.layers.")})
    classifier = model.Classifier(taught, labels=len(weights["head.classifier.bias"]))
    classifier.load_state_dict(weights)
    return classifier.eval()


def inputs(folder: Path, examples: Sequence[Example]) -> Tensor:
    """Return the network's input for some examples, [examples, tokens]."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encodings = tokenizer.encode_batch([example.text for example in examples])
    rows = [torch.tensor(encoding.ids) for encoding in encodings]
    return pad_sequence(rows, batch_first=True, padding_value=model.PADDING)


def targets(_folder: Path, examples: Sequence[Example]) -> list[int]:
    """Return which of the outputs is to be the greatest for each example."""
    return [CARD.signature.labels.index(example.label) for example in examples]
