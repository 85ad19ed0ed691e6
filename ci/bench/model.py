"""A small trained, exported and signed model, in an S3 bucket of the cloud and at hand in this process."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ci.bench.process import python
from ci.child_environment import child_environment
from ci.site import Site
from ci.workspace import ROOT

MODEL = "review_sentiment"
BUCKET = "bench-models"
TEXTS = 10

TRAINED, RELEASED = "trained.tar.gz", "released.tar.gz"

# What a server does that is written in an hour: the training stack, the trained weights, one answer.
NAIVE_SERVER = """
import sys
from pathlib import Path
import boto3
import torch
from ml.data.datasets import Example
from ml.models import catalogue
from ml.release import archive
model, bucket, key, folder, text = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5]
boto3.client("s3").download_file(bucket, key, str(folder / key))
archive.unpack(folder / key, folder)
part = catalogue.part(model, "exporting")
with torch.no_grad():
    part.load(folder)(part.inputs(folder, [Example(id="", text=text, label="")]))
"""


@dataclass(frozen=True)
class Served:
    """What the serving measurements need to know of the model."""

    uri: str
    variables: dict[str, str]
    role: str
    content: Path
    texts: list[str]
    naive_start_seconds: float

    def bare(self) -> Callable[[str], object]:
        """Return the model as a function of one text: ONNX Runtime as it comes, on tokens made beforehand."""
        from onnxruntime import InferenceSession

        from ml.models import catalogue

        tokenizer = catalogue.part(MODEL, "handler").load(self.content, 1)
        tokens = {text: tokenizer.tokens([text]) for text in self.texts}
        session = InferenceSession(str(self.content / "model.onnx"), providers=["CPUExecutionProvider"])
        return lambda text: session.run(None, {"tokens": tokens[text]})


def served_model(site: Site, folder: Path) -> Served:
    """Train by recipe `debug`, export, sign, and put the bundle into the cloud; the weights do not change the speed."""
    from ml.contract import PUBLIC_KEY_VARIABLE
    from ml.data import datasets
    from ml.release import archive, bundle
    from ml.release.signing import LocalSigner

    data = folder / "train" / "input" / "data" / "training"
    datasets.prepare(MODEL, ROOT / ".cache" / "datasets", data)
    job(folder / "train", "train", recipe="debug")
    given = folder / "optimize" / "input" / "data"
    (given / "model").mkdir(parents=True)
    (given / "training").symlink_to(data)
    trained = {path.name: path for path in (folder / "train" / "model").iterdir()}
    archive.pack(trained, given / "model" / "model.tar.gz")
    job(folder / "optimize", "optimize")
    content, signer = folder / "optimize" / "model", LocalSigner.kept_at(folder / "key.pem")
    bundle.pack(content, signer, folder / "bundle.tar.gz")
    s3 = site.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_file(str(folder / "bundle.tar.gz"), BUCKET, RELEASED)
    s3.upload_file(str(given / "model" / "model.tar.gz"), BUCKET, TRAINED)
    texts = [row.text for row in datasets.read(data)[1]["test"][:TEXTS]]
    return Served(
        uri=f"s3://{BUCKET}/{RELEASED}",
        variables={PUBLIC_KEY_VARIABLE: signer.public_key_pem()},
        role=f"arn:aws:iam::{site.environment.account_id}:role/bench",
        content=content,
        texts=texts,
        naive_start_seconds=_naive_start(site, folder / "naive", texts[0]),
    )


def job(base: Path, word: str, **hyperparameters: str) -> None:
    """Run `python -m ml train` or `optimize` on the model in the folder `base`."""
    configuration = base / "input" / "config"
    configuration.mkdir(parents=True)
    (configuration / "hyperparameters.json").write_text(json.dumps({"model": MODEL, **hyperparameters}))
    variables = child_environment({"SAGEMAKER_BASE_DIR": str(base)})
    done = subprocess.run(
        python("-m", "ml", word), cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"python -m ml {word} failed:\n{done.stderr[-2000:]}")


def _naive_start(site: Site, folder: Path, text: str) -> float:
    """Return the seconds from nothing to the naive server's first answer; a second start, its imports are compiled."""
    folder.mkdir()
    command = python("-c", NAIVE_SERVER, MODEL, BUCKET, TRAINED, str(folder), text)
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=site.variables(), check=True, capture_output=True)
        seconds = time.perf_counter() - started
    return seconds
