"""From a folder to models that answer: check each bundle, open it, warm it up."""

import json
import time
from math import inf
from pathlib import Path
from typing import Any, Protocol, cast

from ml.contract import PUBLIC_KEY_VARIABLE, Container
from ml.errors import BundleError
from ml.models import catalogue
from ml.models.card import AnswerField, Signature, TextField
from ml.release import bundle
from ml.serving import explanations, requests
from ml.serving.threads import available_threads


class Handler(Protocol):
    """What a model's handler.py gives the server; with `likelihoods` too, the server explains its predictions."""

    def predict(self, instances: list[requests.Instance]) -> list[dict[str, Any]]:
        """Return one prediction for each checked instance."""
        ...


class ServedModel:
    """A model that passed its checks, ready to answer."""

    def __init__(self, manifest: bundle.BundleManifest, signature: Signature, handler: Handler) -> None:
        self.name, self.version = manifest.model, manifest.version
        self.signature, self.handler = signature, handler
        self.explains = hasattr(handler, "likelihoods") and bool(signature.labels)
        self._end = b', "model_version": %b}' % json.dumps(self.version).encode()
        self.longest_seconds = self._warm_up()

    def answer(self, name: bytes, values: list[dict[str, Any]]) -> bytes:
        """Return the JSON of a request's predictions or explanations, which `name` says."""
        return b'{"%b": %b%b' % (name, json.dumps(values).encode(), self._end)

    def explain(self, instances: list[requests.Instance]) -> list[dict[str, Any]]:
        """Return what each instance's prediction stands on; for models of which `explains` is true."""
        return explanations.explain(cast(explanations.Explainable, self.handler), self.signature.labels, instances)

    def _warm_up(self) -> float:
        """Return the seconds that the longest text takes; the first calls allocate what later ones use again."""
        fields = self.signature.instance.items()
        longest = {name: ("long " * field.most_characters)[: field.most_characters] for name, field in fields}
        best = inf
        while True:
            began = time.perf_counter()
            self.handler.predict([longest])
            took = time.perf_counter() - began
            if took > best / 2:
                return min(took, best)
            best = took


def folders(container: Container) -> list[Path]:
    """Return the folders of the bundles there are, unchecked."""
    entries = sorted(container.model.iterdir()) if container.model.is_dir() else []
    return entries if all(entry.is_dir() for entry in entries) else [container.model]


def load(container: Container) -> dict[str, ServedModel]:
    """Return the models in the container's model folder: one bundle, or folders of one each; none before a release.

    Raises `BundleError` for anything in the folder that the holder of the signing key did not release.
    """
    found = folders(container)
    if not found:
        return {}
    if not container.public_key_pem:
        rule = f"cannot be checked: {PUBLIC_KEY_VARIABLE} is not set"
        raise BundleError(
            "bundle", str(container.model), rule, "set it to the public key (PEM) of the key that signed the bundle"
        )
    threads = container.threads or available_threads()
    models = [_open(folder, container.public_key_pem, threads) for folder in found]
    return {
        model.name if folder == container.model else folder.name: model
        for folder, model in zip(found, models, strict=True)
    }


def _open(folder: Path, public_key_pem: str, threads: int) -> ServedModel:
    manifest = bundle.verify(folder, public_key_pem)
    handler = catalogue.part(manifest.model, "handler").load(folder, threads)
    return ServedModel(manifest, _signature(folder), handler)


def _signature(folder: Path) -> Signature:
    stored = json.loads((folder / "signature.json").read_text())
    instance = {name: TextField(**field) for name, field in stored.pop("instance").items()}
    prediction = {name: AnswerField(**field) for name, field in stored.pop("prediction", {}).items()}
    return Signature(**{**stored, "instance": instance, "prediction": prediction})
