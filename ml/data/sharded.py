"""Items that come in shards: loaded when they are needed and a little before, in threads, a bounded number held."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import accumulate
from threading import Thread
from typing import Any, TypeVar, overload

Item = TypeVar("Item")
Other = TypeVar("Other")

# Shards in memory at once: two windows of `ml.training.batches`, which a batch may straddle, and the one to come.
MOST_HELD = 12
# How far a reader who goes from front to back is ahead of itself.
AHEAD = 4


class Sharded(Sequence[Item]):
    """A sequence whose items `load` brings a shard at a time; what was expected longest ago is forgotten first.

    Positions count through the shards in their order; `sizes` are their numbers of items. Used from one thread.
    """

    def __init__(self, sizes: Sequence[int], load: Callable[[int], Sequence[Item]]) -> None:
        self.sizes, self.load = tuple(sizes), load
        self._ends = list(accumulate(self.sizes))
        self._held: OrderedDict[int, Future[Sequence[Item]]] = OrderedDict()
        # Those of the held that are here: what a step asks for many times over.
        self._here = dict[int, Sequence[Item]]()

    def expect(self, shards: Sequence[int]) -> None:
        """Begin to load these, which will be asked for next."""
        for shard in shards:
            if shard not in self._held:
                self._held[shard] = _loading(self.load, shard)
            self._held.move_to_end(shard)
        while len(self._held) > max(MOST_HELD, len(shards)):
            self._here.pop(self._held.popitem(last=False)[0], None)

    def shard(self, number: int) -> Sequence[Item]:
        """Return a shard's items, waiting for them if need be."""
        if number not in self._here:
            self.expect([number])
            self._here[number] = self._held[number].result()
        return self._here[number]

    def recut(self, sizes: Sequence[int], cut: Callable[[Sequence[Item]], Sequence[Other]]) -> "Sharded[Other]":
        """Return what `cut` makes of each shard, a part of the loading; it must be of these sizes."""
        return Sharded(sizes, lambda number: cut(self.load(number)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Item]:
        for number in range(len(self.sizes)):
            self.expect(range(number, min(number + AHEAD, len(self.sizes))))
            yield from self.shard(number)

    @overload
    def __getitem__(self, position: int) -> Item: ...
    @overload
    def __getitem__(self, position: slice) -> list[Item]: ...
    def __getitem__(self, position: int | slice) -> Item | list[Item]:
        if isinstance(position, slice):
            return [self[one] for one in range(*position.indices(len(self)))]
        if not 0 <= position < self._ends[-1]:
            raise IndexError(position)
        number = bisect_right(self._ends, position)
        items = self._here.get(number)
        return (self.shard(number) if items is None else items)[position - self._ends[number]]


class Lengths(Sequence[int]):
    """How much work each item is, by position; leads to the items themselves, so that they are loaded in time."""

    def __init__(self, items: Sequence[Any], of: Callable[[int], int]) -> None:
        self.items, self._of = items, of

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, position: int) -> int: ...
    @overload
    def __getitem__(self, position: slice) -> list[int]: ...
    def __getitem__(self, position: int | slice) -> int | list[int]:
        if isinstance(position, slice):
            return [self._of(one) for one in range(*position.indices(len(self)))]
        return self._of(position)


def _loading(load: Callable[[int], Sequence[Item]], number: int) -> "Future[Sequence[Item]]":
    """Load in a thread that nobody has to wait for: a job that is asked to stop does not finish its downloads."""
    future: Future[Sequence[Item]] = Future()

    def run() -> None:
        try:
            future.set_result(load(number))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name=f"shard {number}", daemon=True).start()
    return future
