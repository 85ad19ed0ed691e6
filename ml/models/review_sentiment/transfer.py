"""What the student learns by: whole texts, pieces of them, each word alone, and what the teacher makes of all these.

Pieces of real texts tell apart which words the teacher's answer stands on (Tang et al., 2019, took random ones too).
"""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.model import PADDING, WORDS, Classifier
from ml.training.world import fast_arithmetic

BEGINNING, ENDING = 101, 102
READ_TOGETHER_TOKENS = 4096
LEAST_WORDS = 3


def single(words: Iterable[int]) -> list[Tensor]:
    """Return each of these words as a text of its own."""
    return [torch.tensor([BEGINNING, word, ENDING]) for word in words]


def spans(texts: Sequence[Tensor], tokenizer: Tokenizer, each: int, seed: int) -> list[Tensor]:
    """Cut `each` runs of whole words out of every text of a few words or more."""
    random = Random(seed)  # noqa: S311 - a repeatable choice, nothing secret
    goes_on = [(tokenizer.id_to_token(word) or "").startswith("##") for word in range(WORDS)]
    return [piece for text in texts for piece in _spans(text.tolist()[1:-1], goes_on, each, random)]


def _spans(body: list[int], goes_on: list[bool], each: int, random: Random) -> Iterator[Tensor]:
    starts = [place for place, word in enumerate(body) if not goes_on[word]]
    if len(starts) < LEAST_WORDS:
        return
    for _ in range(each):
        first = random.randrange(len(starts) - 1)
        after = first + random.randint(1, len(starts) - 1)
        end = starts[after] if after < len(starts) else len(body)
        yield torch.tensor([BEGINNING, *body[starts[first] : end], ENDING])


def answers(teacher: Classifier, inputs: Sequence[Tensor]) -> Tensor:
    """Return the teacher's logits, [inputs, labels]; it is asked about inputs of like length together."""
    logits = torch.empty(len(inputs), len(CARD.signature.labels))
    with torch.inference_mode(), fast_arithmetic(torch.device("cpu")):
        for places in _together(inputs):
            tokens = pad_sequence([inputs[place] for place in places], batch_first=True, padding_value=PADDING)
            logits[places] = teacher(tokens).float()
    return logits


def _together(inputs: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield positions of inputs of like length, about as many tokens each time."""
    order = sorted(range(len(inputs)), key=lambda place: len(inputs[place]), reverse=True)
    while order:
        together = max(1, READ_TOGETHER_TOKENS // len(inputs[order[0]]))
        yield order[:together]
        order = order[together:]
