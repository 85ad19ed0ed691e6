"""`python -m ci.bench.loader_rounds FOLDER URI`: microseconds per example of each way to read, as a line of JSON.

All take the same shards in batches, shuffled; the fastest round of each counts, for noise only ever adds.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from ci.workspace import ROOT
from ml.data import datasets
from ml.data.cache import ShardCache
from ml.data.datasets import Example
from ml.data.sharded import Lengths
from ml.data.streaming import stream
from ml.models import catalogue
from ml.training.batches import Batches

MODEL = "review_writer"
ROUNDS, BATCH, COPIES, ROWS_PER_SHARD, THREADS = 5, 32, 6, 4096, 8


def write(out: Path) -> None:
    """Write the real texts several times over, some 25 MB, in shards of half a megabyte."""

    def copies(cache: Path) -> Iterator[Example]:
        for row in list(part.read(cache)):
            for copy in range(COPIES):
                yield replace(row, id=f"{row.id}_{copy}", text=f"{row.text} {copy}")

    part = catalogue.part(MODEL, "data")
    rows = datasets.split(copies(ROOT / ".cache" / "datasets"), part.group)
    datasets.write(MODEL, rows, out, rows_per_shard=ROWS_PER_SHARD)


def plain(folder: Path) -> Iterator[list[Example]]:
    """Read shard after shard, and shuffle each."""
    random = Random(1)  # noqa: S311 - a repeatable order, nothing secret
    for path in sorted(folder.glob("train-*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            rows = [Example(**json.loads(line)) for line in lines]
        random.shuffle(rows)
        yield from (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def copied(uri: str, folder: Path) -> Iterator[list[Example]]:
    """Copy the shards, several at a time, then read them plainly."""
    import boto3

    place, s3 = urlsplit(uri), boto3.client("s3")
    found = s3.list_objects_v2(Bucket=place.netloc, Prefix=f"{place.path.strip('/')}/train-")["Contents"]
    folder.mkdir()
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(
            lambda one: s3.download_file(place.netloc, one["Key"], str(folder / Path(one["Key"]).name)), found
        ):
            pass
    yield from plain(folder)


def streamed(uri: str, cache: Path) -> Iterator[list[Example]]:
    """Take the batches of an epoch as a run does."""
    rows = stream(uri, ShardCache(cache, 2**30))[1]["train"]
    batches = Batches(Lengths(rows, lambda _: 1), BATCH, seed=1)
    for step in range(batches.per_epoch):
        yield [rows[position] for position in batches[step]]


def microseconds(batches: Callable[[], Iterable[list[Example]]]) -> float:
    """Return the time per example."""
    began, count = time.perf_counter(), 0
    for batch in batches():
        count += len(batch)
    return (time.perf_counter() - began) / count * 1e6


def main(folder: Path, uri: str) -> None:
    """Measure in turns and print the fastest of each."""
    ways: dict[str, Callable[[], Iterable[list[Example]]]] = {
        "plain": lambda: plain(folder / "data"),
        "copied": lambda: copied(uri, folder / "copy"),
        "cold": lambda: streamed(uri, folder / "cache"),
        "warm": lambda: streamed(uri, folder / "cache"),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name in ("copy", "cache"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name, way in ways.items():
            took[name].append(microseconds(way))
    print(json.dumps({name: min(values) for name, values in took.items()} | {"rounds": took}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
