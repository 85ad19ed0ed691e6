"""A bundle's files turned into answers, without torch: for the server and for devices."""

import json
from pathlib import Path
from typing import Any

from onnxruntime import InferenceSession

from ml.models.review_writer.prompts import END, rows
from ml.serving.session import open_session

Instance = dict[str, Any]
Prediction = dict[str, Any]

MOST_BYTES = 80


class Handler:
    """Answers instances that the server has held to the card's signature."""

    def __init__(self, session: InferenceSession, context: int) -> None:
        self._session, self._context = session, context

    def predict(self, instances: list[Instance]) -> list[Prediction]:
        """Return how each text goes on, to the end of its line or for 80 bytes; always the likeliest byte."""
        texts = [instance["text"].encode() for instance in instances]
        begun = [len(text) for text in texts]
        for _ in range(MOST_BYTES):
            (logits,) = self._session.run(None, {"text": rows(texts, self._context)})
            texts = [
                text if text.endswith(END) else text + bytes([best])
                for text, best in zip(texts, logits.argmax(1), strict=True)
            ]
            if all(text.endswith(END) for text in texts):
                break
        return [
            {"continuation": text[start:].removesuffix(END).decode(errors="replace")}
            for text, start in zip(texts, begun, strict=True)
        ]


def load(folder: Path, threads: int) -> Handler:
    """Read a bundle's files."""
    context = int(json.loads((folder / "shape.json").read_text())["context"])
    return Handler(open_session(folder / "model.onnx", threads), context)
