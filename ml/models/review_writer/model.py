"""The network: a GPT of the usual form (pre-norm, learnt positions, tied embedding) over bytes.

Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), without its word pieces.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

BYTES = 256


class Block(nn.Module):
    """Attention to what came before, then a layer of its own for each position."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mixing = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention_in, self.attention_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mixing = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Return the next states, [batch, length, width]."""
        batch, length, width = states.shape
        whole = self.attention_in(self.before_attention(states))
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for part in whole.chunk(3, dim=-1)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        states = states + self.dropout(self.attention_out(seen.transpose(1, 2).reshape(batch, length, width)))
        result: Tensor = states + self.dropout(self.mixing(self.before_mixing(states)))
        return result


class Writer(nn.Module):
    """Bytes [batch, length] → logits of the byte after each, [batch, length, 256]."""

    def __init__(self, *, layers: int, heads: int, width: int, context: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.context = context
        self.bytes, self.positions = nn.Embedding(BYTES, width), nn.Embedding(context, width)
        self.layers = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.last_norm = nn.LayerNorm(width)
        for weights in (self.bytes.weight, self.positions.weight):
            nn.init.normal_(weights, std=0.02)

    def forward(self, text: Tensor) -> Tensor:
        """Return the logits; `length` is at most `context`."""
        states = self.bytes(text) + self.positions(torch.arange(text.shape[1], device=text.device))
        for layer in self.layers:
            states = layer(states)
        return functional.linear(self.last_norm(states), self.bytes.weight)


class LastByte(nn.Module):
    """What is served: the logits of the one byte that follows, [batch, 256]."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def forward(self, text: Tensor) -> Tensor:
        """Return the last position's logits."""
        logits: Tensor = self.writer(text)
        return logits[:, -1]
