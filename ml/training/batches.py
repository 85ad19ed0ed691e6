"""Which examples a step sees: a function of seed and step alone, so a resumed run goes on where it stopped."""

from collections.abc import Sequence
from random import Random

# Batches whose examples are sorted by length together: enough for like lengths, few enough to stay mixed.
BATCHES_SORTED_TOGETHER = 16


class Batches:
    """Batches of like length, in another order each epoch; an epoch's last, short batch is dropped."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._seed = lengths, seed
        self.batch_size = min(batch_size, len(lengths))
        self.per_epoch = len(lengths) // self.batch_size
        self._epoch, self._batches = -1, list[list[int]]()

    def __getitem__(self, step: int) -> list[int]:
        """Return the positions of the examples of a step, counted from 0 over all epochs."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._shuffled(epoch)
        return self._batches[position]

    def _shuffled(self, epoch: int) -> list[list[int]]:
        random = Random(f"{self._seed} {epoch}")  # noqa: S311 - a repeatable order, nothing secret
        order = random.sample(range(len(self._lengths)), self.per_epoch * self.batch_size)
        together = self.batch_size * BATCHES_SORTED_TOGETHER
        for start in range(0, len(order), together):
            order[start : start + together] = sorted(order[start : start + together], key=self._lengths.__getitem__)
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        random.shuffle(batches)
        return batches
