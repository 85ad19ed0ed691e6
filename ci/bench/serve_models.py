"""Signed bundles to time servers with, made in seconds and not taught; both answer as review_sentiment does.

`light` is so light that the server around it is what takes the time: embeddings, their mean, two small layers.
`heavy` is MiniLM with its linear layers in int8, so heavy that the server hardly matters, but for how it batches.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ml.release import archive, bundle
from ml.release.signing import LocalSigner

MODEL = "review_sentiment"
WORDS, WIDTH, HIDDEN, LABELS = 30522, 32, 64, 2
MOST_TOKENS = 128
SEED = 5


def make(base: Path, write_network: Callable[[Path], None]) -> str:
    """Write the unpacked bundle to `base/model`, as a container finds it; return the public key that checks it."""
    from tokenizers import Tokenizer

    from ml.models import catalogue
    from ml.models.review_sentiment.pretrained import pretrained_file

    content = base / "content"
    content.mkdir(parents=True)
    tokenizer = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.save(str(content / "tokenizer.json"))
    write_network(content)
    card = catalogue.card(MODEL)
    (content / "card.json").write_text(json.dumps(asdict(card)))
    (content / "signature.json").write_text(json.dumps(asdict(card.signature)))
    signer = LocalSigner.kept_at(base / "key.pem")
    bundle.pack(content, signer, base / "bundle.tar.gz")
    archive.unpack(base / "bundle.tar.gz", base / "model")
    return signer.public_key_pem()


def light(content: Path) -> None:
    """Write the light network, of random weights."""
    from onnx import TensorProto, helper, numpy_helper, save

    random = np.random.default_rng(SEED)
    shapes = {"words": (WORDS, WIDTH), "first": (WIDTH, HIDDEN), "second": (HIDDEN, LABELS)}
    weights = [
        numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Gather", ["words", "tokens"], ["embedded"]),
        helper.make_node("ReduceMean", ["embedded", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "first"], ["wide"]),
        helper.make_node("Relu", ["wide"], ["active"]),
        helper.make_node("MatMul", ["active", "second"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "light",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", LABELS])],
        [*weights, numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        str(content / "model.onnx"),
    )


def heavy(content: Path) -> None:
    """Write the heavy network: pretrained, but for the classifier on top."""
    import torch
    from safetensors.torch import save_file

    from ml.data.datasets import Example
    from ml.models import catalogue
    from ml.models.review_sentiment import model
    from ml.optimization import export, quantize

    torch.manual_seed(SEED)
    save_file(model.pretrained(1, LABELS, 0.0).state_dict(), content / "weights.safetensors")
    part = catalogue.part(MODEL, "exporting")
    examples = [Example(id=str(number), text="a quiet, lovely film " * number, label="") for number in (1, 3)]
    whole = content / "whole.onnx"
    export.export(part, part.load(content), part.inputs(content, examples), whole)
    quantize.dynamic(whole, content / export.MODEL_FILE)
    for path in (whole, content / "weights.safetensors"):
        path.unlink()
