"""The simple rival: after these two bytes, which one came most often?"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ml.data.datasets import Example


def accuracy(train: Sequence[Example], test: Sequence[Example]) -> float:
    """Count what follows each pair of bytes in the training texts; return the share of held-out bytes it gets right."""
    following: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    text = "\n".join(row.text for row in train).encode()
    for position in range(len(text) - 2):
        following[text[position : position + 2]][text[position + 2]] += 1
    likeliest = {pair: counts.most_common(1)[0][0] for pair, counts in following.items()}
    held_out = "\n".join(row.text for row in test).encode()
    right = sum(likeliest.get(held_out[at : at + 2]) == held_out[at + 2] for at in range(len(held_out) - 2))
    return right / max(1, len(held_out) - 2)
