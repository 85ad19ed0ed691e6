"""What a candidate is like: size, time, memory, and how often it is right, over all and in each slice."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from ml.optimization import memory
from ml.optimization.candidate import Candidate, Logits
from ml.optimization.heldout import DOMAIN, LENGTH, HeldOut

LEAST_CALLS, MOST_CALLS = 5, 2000
ALONE, TOGETHER = 1, 32


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds of a batch on one thread: median and 99th percentile of so many calls, and examples a second."""

    batch: int
    p50_ms: float
    p99_ms: float
    examples_per_second: float
    calls: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One row of the report. `accuracy` is the mean over text domains, `slices` kind → slice → accuracy."""

    step: str
    bytes: int
    memory_bytes: int
    timings: tuple[Timing, ...]
    accuracy: float
    slices: Mapping[str, Mapping[str, float]]

    @property
    def milliseconds(self) -> float:
        """Return the median time of one example."""
        return self.timings[0].p50_ms


def answers(candidate: Candidate, heldout: HeldOut) -> Logits:
    """Return the candidate's logits for every held-out example, with all the machine's threads."""
    found = np.empty((len(heldout.targets), 0), np.float32)
    with candidate.opened(torch.get_num_threads()) as answer:
        for places, inputs in heldout.batches():
            logits = answer(inputs)
            if not found.shape[1]:
                found = np.empty((len(heldout.targets), logits.shape[1]), np.float32)
            found[places] = logits
    return found


def measure(
    step: str, candidate: Candidate, logits: Logits, heldout: HeldOut, seconds: float, scratch: Path
) -> Measured:
    """Measure a candidate whose answers to the held-out examples are known."""
    right = logits.argmax(1) == np.array(heldout.targets)
    slices = {kind: _shares(right, names) for kind, names in heldout.slices.items()}
    slices[LENGTH] = dict(sorted(slices[LENGTH].items()))
    return Measured(
        step=step,
        bytes=candidate.bytes,
        memory_bytes=_memory(candidate, heldout.sample(TOGETHER), scratch),
        timings=tuple(_timing(candidate, heldout, size, seconds) for size in (ALONE, TOGETHER)),
        accuracy=fmean(slices[DOMAIN].values()),
        slices=slices,
    )


def _shares(right: np.ndarray[tuple[int], np.dtype[np.bool_]], names: Sequence[str]) -> dict[str, float]:
    return {
        name: float(right[[place for place, own in enumerate(names) if own == name]].mean())
        for name in dict.fromkeys(names)
    }


def _timing(candidate: Candidate, heldout: HeldOut, size: int, seconds: float) -> Timing:
    inputs = [heldout.sample(size, skipping=number) for number in range(LEAST_CALLS)]
    with candidate.opened(threads=1) as answer:
        taken = np.array(timed(answer, inputs, seconds)) * 1000
    return Timing(
        batch=size,
        p50_ms=float(np.percentile(taken, 50)),
        p99_ms=float(np.percentile(taken, 99)),
        examples_per_second=size * 1000 / float(taken.mean()),
        calls=len(taken),
    )


def timed(answer: Callable[[Tensor], object], inputs: Sequence[Tensor], seconds: float) -> list[float]:
    """Return the seconds of each call, the inputs in turn, for about so long; the first calls are not counted."""
    taken = list[float]()
    for values in inputs[:2]:
        answer(values)
    while len(taken) < LEAST_CALLS or (sum(taken) < seconds and len(taken) < MOST_CALLS):
        began = time.perf_counter()
        answer(inputs[len(taken) % len(inputs)])
        taken.append(time.perf_counter() - began)
    return taken


def _memory(candidate: Candidate, inputs: Tensor, scratch: Path) -> int:
    asked = scratch / "inputs.npy"
    np.save(asked, inputs.numpy())
    if candidate.file:
        return memory.resident_bytes(candidate.file, asked, candidate.providers)
    torch.save(candidate.network, scratch / "network.pt")
    return memory.resident_bytes(scratch / "network.pt", asked)
