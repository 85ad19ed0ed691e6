"""Which examples a step sees: a function of seed and step alone, so a resumed run goes on where it stopped.

Where examples come in shards, an epoch takes the shards in another order and mixes a few of them at a time. The order
follows from the shards' sizes, never from where their bytes are: streamed or local, a run sees the same.
"""

from collections.abc import Sequence
from itertools import accumulate
from random import Random

from ml.data.sharded import Lengths, Sharded

# Batches whose examples are sorted by length together: enough for like lengths, few enough to stay mixed.
BATCHES_SORTED_TOGETHER = 16
# Shards whose examples are mixed: with the next such window, which is loaded ahead, what a run holds in memory.
SHARDS_MIXED_TOGETHER = 4


class Batches:
    """Batches of like length, in another order each epoch; an epoch's last, short batch is dropped."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._seed = lengths, seed
        items = lengths.items if isinstance(lengths, Lengths) else None
        self._items = items if isinstance(items, Sharded) else None
        sizes = self._items.sizes if self._items else (len(lengths),)
        self._shards = [range(end - size, end) for end, size in zip(accumulate(sizes), sizes, strict=True)]
        self.batch_size = min(batch_size, len(lengths))
        self.per_epoch = len(lengths) // self.batch_size
        self._group: tuple[int, int] | None = None
        self._batches, self._mixed = list[list[int]](), dict[tuple[int, int], list[int]]()

    def __getitem__(self, step: int) -> list[int]:
        """Return the positions of the examples of a step, counted from 0 over all epochs."""
        epoch, position = divmod(step, self.per_epoch)
        group, place = divmod(position, BATCHES_SORTED_TOGETHER)
        if (epoch, group) != self._group:
            self._group, self._batches = (epoch, group), self._sorted(epoch, group)
        return self._batches[place]

    def _sorted(self, epoch: int, group: int) -> list[list[int]]:
        together = self.batch_size * BATCHES_SORTED_TOGETHER
        taken = self._taken(epoch, group * together, min((group + 1) * together, self.per_epoch * self.batch_size))
        taken.sort(key=self._lengths.__getitem__)
        batches = [taken[start : start + self.batch_size] for start in range(0, len(taken), self.batch_size)]
        self._random(epoch, "batches", group).shuffle(batches)
        return batches

    def _taken(self, epoch: int, start: int, stop: int) -> list[int]:
        """Return these places of an epoch's order, window by window; the next window is loaded meanwhile."""
        windows = self._windows(epoch)
        taken, before, used = list[int](), 0, dict[tuple[int, int], list[int]]()
        for number, shards in enumerate(windows):
            size = sum(len(self._shards[shard]) for shard in shards)
            if before < stop and start < before + size:
                used[epoch, number] = self._mixed.get((epoch, number)) or self._mix(epoch, number, shards)
                taken += used[epoch, number][max(0, start - before) : stop - before]
                following = windows[number + 1] if number + 1 < len(windows) else self._windows(epoch + 1)[0]
                if self._items and (epoch, number) not in self._mixed:
                    self._items.expect([*shards, *following])
            before += size
        self._mixed = used
        return taken

    def _mix(self, epoch: int, window: int, shards: Sequence[int]) -> list[int]:
        positions = [position for shard in shards for position in self._shards[shard]]
        self._random(epoch, "window", window).shuffle(positions)
        return positions

    def _windows(self, epoch: int) -> list[list[int]]:
        """Return the shards that are mixed together, in the epoch's order."""
        order = self._random(epoch, "shards", 0).sample(range(len(self._shards)), len(self._shards))
        return [order[start : start + SHARDS_MIXED_TOGETHER] for start in range(0, len(order), SHARDS_MIXED_TOGETHER)]

    def _random(self, epoch: int, what: str, number: int) -> Random:
        return Random(f"{self._seed} {epoch} {what} {number}")  # noqa: S311 - a repeatable order, nothing secret
