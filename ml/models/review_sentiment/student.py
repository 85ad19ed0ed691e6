"""The small network that the large one teaches: a row of numbers a word, convolutions over them, and their extremes.

It takes the teacher's tokens and gives its logits, so that whoever asks sees no difference. Its words begin as the
teacher's own, in fewer numbers; a seldom one shares the row of the frequent one that the teacher reads most like it.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from ml.models.review_sentiment import transfer
from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.model import PADDING, WORDS, Classifier
from ml.models.review_sentiment.recipes import StudentShape
from ml.optimization.distil import Lesson

COMPARED_TOGETHER = 4096


class Student(nn.Module):
    """Token ids [batch, tokens] → logits [batch, labels]; `rows` says which row of the embedding each token has."""

    def __init__(self, shape: StudentShape, rows: Tensor, words: Tensor) -> None:
        super().__init__()
        # A quarter of the size of what torch counts in: it is a good part of the file.
        self.rows: Tensor
        self.register_buffer("rows", rows.to(torch.int16))
        self.words = nn.Embedding(len(words), words.shape[1], padding_idx=PADDING)
        self.words.weight.data.copy_(words)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(words.shape[1], shape.channels, kernel, padding=kernel // 2) for kernel in shape.kernels
        )
        self.dropout, self.forgotten = nn.Dropout(shape.dropout), shape.forgotten_words
        self.classifier = nn.Linear(2 * shape.channels * len(shape.kernels), len(CARD.signature.labels))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token ids, short rows filled with PADDING, to logits."""
        mask = (tokens != PADDING)[:, None, :].float()
        words = self.dropout(self.words(self.rows[tokens].int())).transpose(1, 2)
        if self.training:
            words = words * (torch.rand_like(mask) >= self.forgotten)
        found = torch.cat([functional.relu(part(words)) for part in self.convolutions], 1) * mask
        pooled = torch.cat([found.amax(2), found.sum(2) / mask.sum(2)], 1)
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


def prepare(shape: StudentShape, teacher: Classifier, trained: Path, texts: Sequence[str], seed: int) -> Lesson:
    """Return an untaught student, and what it is to learn by."""
    tokenizer = Tokenizer.from_file(str(trained / "tokenizer.json"))
    tokenizer.no_padding()
    whole = [torch.tensor(encoding.ids) for encoding in tokenizer.encode_batch_fast(list(texts))]
    counts = torch.bincount(torch.cat(whole), minlength=WORDS)
    kept = frequent(counts, shape.words)
    spans = transfer.spans(whole, tokenizer, shape.spans, seed)
    inputs = [*whole, *spans, *transfer.single(kept[1:].tolist())]
    torch.manual_seed(seed)
    rows, words = embedding(teacher.body.embedding.words.weight.detach(), kept, shape.width)
    student = Student(shape, rows, words)
    return Lesson(student=student, inputs=inputs, answers=transfer.answers(teacher, inputs))


def frequent(counts: Tensor, most: int) -> Tensor:
    """Return the words that get a row of their own, in the rows' order; the first is nothing's, for padding."""
    counts = counts.clone()
    counts[PADDING] = 0
    return torch.cat([torch.tensor([PADDING]), counts.topk(most - 1).indices])


def embedding(meanings: Tensor, kept: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return each token's row, [WORDS], and the rows, [kept, width], of what words mean to the teacher, [WORDS, any].

    They are its numbers in the directions in which words differ most.
    """
    centred = meanings - meanings[kept[1:]].mean(0)
    unit = functional.normalize(centred)
    rows = torch.cat([(part @ unit[kept[1:]].T).argmax(1) + 1 for part in torch.split(unit, COMPARED_TOGETHER)])
    rows[kept] = torch.arange(len(kept))
    _, _, directions = torch.pca_lowrank(centred[kept[1:]], q=width, center=False, niter=4)
    words = centred[kept] @ directions
    words = words / words[1:].std()
    words[0] = 0.0
    return rows, words
