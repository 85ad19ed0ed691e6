"""The model as the training loop sees it: the top layers, fed with what the frozen layers made of each text, once.

Without pretrained weights nothing is frozen, and the whole network is fed with the texts themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from ml.data.datasets import Example
from ml.models.review_sentiment import model
from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.pretrained import pretrained_file
from ml.models.review_sentiment.recipes import TextRecipe
from ml.training.world import World

# Texts that go through the network together when nothing is learnt from them.
READ_TOGETHER = 64


def together(texts: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield positions of texts of like length, so that hardly any padding is computed."""
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    for start in range(0, len(order), READ_TOGETHER):
        yield order[start : start + READ_TOGETHER]


def shortened(tokens: Sequence[int], most: int) -> Sequence[int]:
    """Return the first of a text's tokens, its ending mark last."""
    return tokens if len(tokens) <= most else [*tokens[: most - 1], tokens[-1]]


class FineTuning:
    """Teaches the head; what the body makes of each text is computed once and kept in bf16 (165 MB).

    `inputs` are those hidden states, [tokens, WIDTH] of each text, or from nothing the texts' tokens, [tokens].
    """

    def __init__(self, recipe: TextRecipe, data: Mapping[str, Sequence[Example]], world: World) -> None:
        self._world = world
        made = model.pretrained if recipe.pretrained else model.from_nothing
        self._classifier = made(recipe.taught_layers, len(CARD.signature.labels), recipe.dropout).to(world.device)
        self._pretrained = recipe.pretrained
        self.module: nn.Module = self._classifier.head if recipe.pretrained else self._classifier
        self._tokenizer = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
        self._tokenizer.enable_truncation(recipe.most_tokens)
        self._most_tokens = recipe.most_tokens
        self._tokenizer.no_padding()
        # Each process reads its share of the texts once; then all have what the body made of all of them.
        self._inputs = world.gathered(self._read(world.mine(data["train"])))
        self._labels = self._label(data["train"])
        self._test_inputs = self._read(world.mine(data["test"]))
        self._test_labels = self._label(world.mine(data["test"]))
        self.lengths: Sequence[int] = [len(row) for row in self._inputs]

    def _label(self, examples: Sequence[Example]) -> Tensor:
        return torch.tensor([CARD.signature.labels.index(row.label) for row in examples]).to(self._world.device)

    def _read(self, examples: Sequence[Example]) -> list[Tensor]:
        """Return what each text is to `module`."""
        tokens = [torch.tensor(shortened(example.tokens, self._most_tokens)) for example in examples]
        if not self._pretrained:
            return tokens
        hidden: list[Tensor] = [torch.empty(0)] * len(tokens)
        for positions in together(tokens):
            batch = pad_sequence([tokens[position] for position in positions], batch_first=True).to(self._world.device)
            with torch.no_grad(), self._world.fast_arithmetic():
                states = self._classifier.body(batch, batch != model.PADDING).to(torch.bfloat16)
            for position, state in zip(positions, states, strict=True):
                hidden[position] = state[: len(tokens[position])].clone()
        return hidden

    def _logits(self, module: nn.Module, inputs: list[Tensor]) -> Tensor:
        rows = pad_sequence(inputs, batch_first=True, padding_value=model.PADDING).to(self._world.device)
        if self._pretrained:
            lengths = torch.tensor([len(states) for states in inputs])
            mask = (torch.arange(int(lengths.max())) < lengths[:, None]).to(self._world.device)
            batch: tuple[Tensor, ...] = (rows.float(), mask)
        else:
            batch = (rows,)
        with self._world.fast_arithmetic():
            logits: Tensor = module(*batch)
        return logits.float()

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Return the mean cross-entropy of a batch."""
        return functional.cross_entropy(
            self._logits(module, [self._inputs[position] for position in batch]), self._labels[list(batch)]
        )

    def right_answers(self) -> tuple[int, int]:
        """Count the held-out texts whose likeliest label is the true one."""
        right = 0
        for positions in together(self._test_inputs):
            answers = self._logits(self.module, [self._test_inputs[position] for position in positions]).argmax(1)
            right += int((answers == self._test_labels[positions]).sum())
        return right, len(self._test_inputs)

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the whole network, whichever part was taught, and its tokenizer."""
        self._tokenizer.save(str(folder / "tokenizer.json"))
        if not self._pretrained:
            save_file(dict(weights), folder / "weights.safetensors")
            return
        body = {name: value for name, value in self._classifier.state_dict().items() if not name.startswith("head.")}
        save_file(body | {f"head.{name}": value for name, value in weights.items()}, folder / "weights.safetensors")


build = FineTuning
