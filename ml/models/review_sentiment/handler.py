"""A bundle's files turned into answers, without torch: for the server and for devices."""

from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

from ml.models.review_sentiment.card import CARD
from ml.serving.session import open_session

Instance = dict[str, Any]
Prediction = dict[str, Any]
Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Likelihoods = np.ndarray[tuple[int, int], np.dtype[np.float32]]

TOGETHER = 8


class Handler:
    """Answers instances that the server has held to the card's signature."""

    def __init__(self, session: InferenceSession, tokenizer: Tokenizer) -> None:
        self._session, self._tokenizer = session, tokenizer

    def tokens(self, texts: list[str]) -> Tokens:
        """Return the token ids of the texts as [texts, longest], short rows filled with 0."""
        return _filled([encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)])

    def likelihoods(self, instances: list[Instance]) -> Likelihoods:
        """Return how likely each label is for each instance, [instances, labels]."""
        encodings = self._tokenizer.encode_batch_fast([instance["text"] for instance in instances])
        rows = [encoding.ids for encoding in encodings]
        # What fills short rows up is worked on too: together go texts of about one length.
        order = sorted(range(len(rows)), key=lambda position: len(rows[position]))
        logits = np.empty((len(rows), len(CARD.signature.labels)), np.float32)
        for start in range(0, len(order), TOGETHER):
            places = order[start : start + TOGETHER]
            (logits[places],) = self._session.run(None, {"tokens": _filled([rows[place] for place in places])})
        weights = np.exp(logits - logits.max(1, keepdims=True))
        likelihoods: Likelihoods = weights / weights.sum(1, keepdims=True)
        return likelihoods

    def predict(self, instances: list[Instance]) -> list[Prediction]:
        """Return the likeliest label of each instance's text, with its probability."""
        likelihoods = self.likelihoods(instances)
        return [
            {"label": CARD.signature.labels[best], "score": round(float(row[best]), 6)}
            for row, best in zip(likelihoods, likelihoods.argmax(1), strict=True)
        ]


def _filled(rows: list[list[int]]) -> Tokens:
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for position, row in enumerate(rows):
        tokens[position, : len(row)] = row
    return tokens


def load(folder: Path, threads: int) -> Handler:
    """Read a bundle's files; the tokenizer cuts long texts where training did."""
    return Handler(open_session(folder / "model.onnx", threads), Tokenizer.from_file(str(folder / "tokenizer.json")))
