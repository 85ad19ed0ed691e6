"""A bundle's files turned into answers, without torch: for the server and for devices."""

from math import exp
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.words import Words
from ml.serving.session import open_session

Instance = dict[str, Any]
Prediction = dict[str, Any]
Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Likelihoods = np.ndarray[tuple[int, int], np.dtype[np.float32]]

TOGETHER = 8


class Handler:
    """Answers instances that the server has held to the card's signature."""

    def __init__(self, session: InferenceSession, words: Words) -> None:
        self._session, self._words = session, words

    def tokens(self, texts: list[str]) -> Tokens:
        """Return the token ids of the texts as [texts, longest], short rows filled with 0."""
        return _filled([self._words.ids(text) for text in texts])

    def likelihoods(self, instances: list[Instance]) -> Likelihoods:
        """Return how likely each label is for each instance, [instances, labels]."""
        logits = self._logits(instances)
        logits -= logits.max(1, keepdims=True)
        likelihoods: Likelihoods = np.exp(logits, out=logits)
        likelihoods /= likelihoods.sum(1, keepdims=True)
        return likelihoods

    def _logits(self, instances: list[Instance]) -> Likelihoods:
        rows = [self._words.ids(instance["text"]) for instance in instances]
        if len(rows) <= TOGETHER:
            few: Likelihoods = self._session.run(None, {"tokens": _filled(rows)})[0]
            return few
        # What fills short rows up is worked on too: together go texts of about one length.
        order = sorted(range(len(rows)), key=lambda position: len(rows[position]))
        logits = np.empty((len(rows), len(CARD.signature.labels)), np.float32)
        for start in range(0, len(order), TOGETHER):
            places = order[start : start + TOGETHER]
            (logits[places],) = self._session.run(None, {"tokens": _filled([rows[place] for place in places])})
        return logits

    def predict(self, instances: list[Instance]) -> list[Prediction]:
        """Return the likeliest label of each instance's text, with its probability."""
        found = []
        # In plain Python, for of one row's few numbers numpy's calls take longer than the sums.
        for row in self._logits(instances).tolist():
            highest = max(row)
            score = 1 / sum([exp(logit - highest) for logit in row])
            found.append({"label": CARD.signature.labels[row.index(highest)], "score": round(score, 6)})
        return found


def _filled(rows: list[list[int]]) -> Tokens:
    if len(rows) == 1:
        return np.array(rows, np.int64)
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for position, row in enumerate(rows):
        tokens[position, : len(row)] = row
    return tokens


def load(folder: Path, threads: int) -> Handler:
    """Read a bundle's files; the tokenizer cuts long texts where training did."""
    words = Words(Tokenizer.from_file(str(folder / "tokenizer.json")))
    return Handler(open_session(folder / "model.onnx", threads), words)
