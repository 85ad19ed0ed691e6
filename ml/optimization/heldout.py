"""The examples that every candidate is judged by: none of them was learnt from, with or without its label."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import Tensor

from ml.data.datasets import Example
from ml.evaluation import slices

DOMAIN, LENGTH = "domain", "length"
JUDGED_TOGETHER = 32


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Examples with what is right for each, and kind of slice → which slice each is in. `part` is exporting.py."""

    part: ModuleType
    trained: Path
    examples: Sequence[Example]
    targets: Sequence[int]
    slices: Mapping[str, Sequence[str]]

    def sample(self, size: int, skipping: int = 0) -> Tensor:
        """Return an input of so many examples, others for another `skipping`."""
        start = (skipping * size) % max(1, len(self.examples) - size)
        found: Tensor = self.part.inputs(self.trained, self.examples[start : start + size])
        return found

    def batches(self) -> Iterator[tuple[list[int], Tensor]]:
        """Yield positions and inputs of examples of like length, so that hardly any padding is computed."""
        order = sorted(range(len(self.examples)), key=lambda place: len(self.examples[place].text))
        for start in range(0, len(order), JUDGED_TOGETHER):
            places = order[start : start + JUDGED_TOGETHER]
            yield places, self.part.inputs(self.trained, [self.examples[place] for place in places])


def held_out(part: ModuleType, trained: Path, domains: Mapping[str, Sequence[Example]]) -> HeldOut:
    """Return the examples of all domains, the model's own first."""
    named = [(name, example) for name, rows in domains.items() for example in rows]
    examples = [example for _, example in named]
    return HeldOut(
        part=part,
        trained=trained,
        examples=examples,
        targets=part.targets(trained, examples),
        slices={DOMAIN: [name for name, _ in named], LENGTH: [slices.length(example) for example in examples]},
    )
