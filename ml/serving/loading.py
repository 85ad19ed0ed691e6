"""From a folder to a model that answers: check the bundle, open it, warm it up."""

import json
from pathlib import Path
from typing import Any, Protocol

from ml.contract import PUBLIC_KEY_VARIABLE, Container
from ml.errors import BundleError
from ml.models import catalogue
from ml.models.card import Signature, TextField
from ml.release import bundle
from ml.serving import requests
from ml.serving.threads import available_threads


class Handler(Protocol):
    """What a model's handler.py gives the server."""

    def predict(self, instances: list[requests.Instance]) -> list[dict[str, Any]]:
        """Return one prediction for each checked instance."""
        ...


class ServedModel:
    """A model that passed its checks, ready to answer."""

    def __init__(self, manifest: bundle.BundleManifest, signature: Signature, handler: Handler) -> None:
        self.name, self.version = manifest.model, manifest.version
        self._signature, self._handler = signature, handler

    def answer(self, content_type: str, body: bytes) -> bytes:
        """Return the JSON answer to a request, or raise `RequestError`."""
        predictions = self._handler.predict(requests.parse(content_type, body, self._signature))
        return json.dumps({"predictions": predictions, "model_version": self.version}).encode()


def load(container: Container) -> ServedModel | None:
    """Return the model in the container's model folder, or None where none was released yet.

    Raises `BundleError` for anything in the folder that the holder of the signing key did not release.
    """
    folder = container.model
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    if not container.public_key_pem:
        rule = f"cannot be checked: {PUBLIC_KEY_VARIABLE} is not set"
        raise BundleError(
            "bundle", str(folder), rule, "set it to the public key (PEM) of the key that signed the bundle"
        )
    manifest = bundle.verify(folder, container.public_key_pem)
    signature = _signature(folder)
    handler = catalogue.part(manifest.model, "handler").load(folder, container.threads or available_threads())
    # The first call allocates what later ones use again.
    handler.predict([dict.fromkeys(signature.instance, "warm up")])
    return ServedModel(manifest, signature, handler)


def _signature(folder: Path) -> Signature:
    stored = json.loads((folder / "signature.json").read_text())
    instance = {name: TextField(**field) for name, field in stored.pop("instance").items()}
    return Signature(**{**stored, "instance": instance})
