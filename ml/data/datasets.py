"""What a training job is handed: shards, `train-00000.jsonl` and so on, and a `manifest.json` of what they hold.

A line is {"id", "text", "label"}, with "tokens" if the model's `transform` made some. The manifest carries the content
hash of each shard, so that a model can be traced to the very rows that it saw, and a job refuses data that changed on
the way. A job finds a data set in a folder, copied there before it began (`read`), or reads it shard by shard from S3
while it runs (`streaming.stream`).
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from ml.data import transform
from ml.data.engines import Engine, in_process
from ml.data.sharded import Sharded
from ml.data.sources import SourcePackage, sha256_of
from ml.data.transform import Transform
from ml.errors import DataError
from ml.models import catalogue

MANIFEST = "manifest.json"
SPLITS = ("train", "test")
TEST_SHARE = 0.2
# Some hundred kilobytes of short texts: for large data choose more, so that a shard has tens of megabytes.
ROWS_PER_SHARD = 1024
SHUFFLE_SEED = 20140601


@dataclass(frozen=True, kw_only=True)
class Example:
    """One text with its label: a line of a data set."""

    id: str
    text: str
    label: str
    tokens: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One shard of a data set: its content hash, its size, its rows, their texts' bytes, how many of each label."""

    sha256: str
    bytes: int
    rows: int
    text_bytes: int
    labels: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class DataManifest:
    """What a data set is: for which model, from which source, made by what, holding what."""

    model: str
    source: SourcePackage
    transform: Transform
    files: dict[str, FileFacts]

    @property
    def version(self) -> str:
        """Name the content: the same rows in the same order give the same version, anywhere."""
        hashes = "".join(self.files[name].sha256 for name in sorted(self.files))
        return hashlib.sha256(hashes.encode()).hexdigest()[:12]

    def shards(self, split: str) -> dict[str, FileFacts]:
        """Return the shards of a split, in order."""
        return {name: self.files[name] for name in sorted(self.files) if name.startswith(f"{split}-")}


class Rows(Sharded[Example]):
    """One split's rows; `bring` returns the bytes of a shard, by its name, checked against its facts."""

    def __init__(self, files: Mapping[str, FileFacts], bring: Callable[[str, FileFacts], bytes]) -> None:
        names, self.facts = tuple(files), tuple(files.values())
        super().__init__(
            [facts.rows for facts in self.facts], lambda number: parse(bring(names[number], self.facts[number]))
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """A shard to make, by this file of the model's folder."""

    model: str
    part: str
    name: str
    rows: Sequence[Example]


def make(work: Work) -> tuple[str, bytes, FileFacts]:
    """Return a shard's name, content and facts; they follow from its own rows and the model's `transform` alone."""
    part = catalogue.part(work.model, work.part)
    rows = list(part.transform(work.rows, **part.SETTINGS)) if hasattr(part, "transform") else work.rows
    lines = ({name: value for name, value in asdict(row).items() if name != "tokens" or value} for row in rows)
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    facts = FileFacts(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        rows=len(rows),
        text_bytes=sum(len(row.text.encode()) for row in rows),
        labels=dict(sorted(Counter(row.label for row in rows).items())),
    )
    return work.name, content, facts


def prepare(
    model: str,
    cache: Path,
    out: Path,
    *,
    part: str = "data",
    engine: Engine = in_process,
    rows_per_shard: int = ROWS_PER_SHARD,
) -> DataManifest:
    """Fetch a model's data into `cache` if it is not there, and make `out` its train and test sets and manifest.

    `part` is the file of the model's folder that says which: data.py, or elsewhere.py.
    """
    source = catalogue.part(model, part)
    rows = split(deduplicate(source.read(cache)), source.group)
    return write(model, rows, out, part=part, engine=engine, rows_per_shard=rows_per_shard)


def write(
    model: str,
    splits: Mapping[str, Sequence[Example]],
    out: Path,
    *,
    part: str = "data",
    engine: Engine = in_process,
    rows_per_shard: int = ROWS_PER_SHARD,
) -> DataManifest:
    """Make `out` a data set of these rows."""
    source = catalogue.part(model, part)
    work = [
        Work(
            model=model,
            part=part,
            name=f"{name}-{start // rows_per_shard:05d}.jsonl",
            rows=rows[start : start + rows_per_shard],
        )
        for name, rows in splits.items()
        for start in range(0, len(rows), rows_per_shard)
    ]
    with _whole(out) as draft:
        files = {}
        for name, content, facts in engine(make, work):
            (draft / name).write_bytes(content)
            files[name] = facts
        files = {name: files[name] for name in sorted(files)}
        manifest = DataManifest(model=model, source=source.SOURCE, transform=transform.of(source), files=files)
        (draft / MANIFEST).write_text(json.dumps({"version": manifest.version, **asdict(manifest)}, indent=2) + "\n")
    return manifest


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of `out` once all is in it: shards of an earlier version do not stay."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        draft = Path(scratch) / "whole"
        draft.mkdir()
        yield draft
        if out.exists():
            out.rename(Path(scratch) / "before")
        draft.rename(out)


def prepared(model: str, out: Path, part: str = "data") -> DataManifest | None:
    """Return what `prepare` left in `out`, if today's source, code and settings made it and nothing has changed it."""
    source = catalogue.part(model, part)
    try:
        manifest, _ = read(out)
    except DataError:
        return None
    return manifest if (manifest.source, manifest.transform) == (source.SOURCE, transform.of(source)) else None


def deduplicate(examples: Iterable[Example]) -> list[Example]:
    """Keep the first of the texts that differ in case or spacing alone: else the test set holds what training saw."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(" ".join(example.text.casefold().split()), example)
    return list(first.values())


def split(examples: Iterable[Example], group: Callable[[Example], str]) -> dict[str, list[Example]]:
    """Split by the hash of an example's group, so that no group stands on both sides and an added row moves no other.

    Each part is then shuffled: sources come sorted by label.
    """
    parts: dict[str, list[Example]] = {name: [] for name in SPLITS}
    for example in examples:
        share = int.from_bytes(hashlib.sha256(group(example).encode()).digest()[:8], "big") / 2**64
        parts["test" if share < TEST_SHARE else "train"].append(example)
    for rows in parts.values():
        Random(SHUFFLE_SEED).shuffle(rows)  # noqa: S311 - a fixed order, nothing secret
    return parts


def read(folder: Path) -> tuple[DataManifest, dict[str, Rows]]:
    """Open a data set that `prepare` wrote, refusing shards that are not what the manifest says."""
    fix = "write it with `python -m ml fetch --cache CACHE --model MODEL --out FOLDER`"
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise DataError(f"data set {str(folder)!r}", MANIFEST, f"cannot be read ({error!r})", fix) from error
    manifest = parse_manifest(content, str(folder), fix)
    for name, facts in manifest.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != facts.sha256:
            raise DataError(
                f"data set {folder.name!r}",
                name,
                f"is missing or differs from {MANIFEST}",
                "prepare the data set again",
            )
    return manifest, rows_of(manifest, folder.name, lambda name, _: (folder / name).read_bytes())


def rows_of(manifest: DataManifest, place: str, bring: Callable[[str, FileFacts], bytes]) -> dict[str, Rows]:
    """Return the rows of each split."""
    rows = {name: Rows(manifest.shards(name), bring) for name in SPLITS}
    for name in SPLITS:
        if not rows[name]:
            raise DataError(f"data set {place!r}", f"split {name!r}", "has no rows", "prepare the data set again")
    return rows


def parse_manifest(content: bytes, place: str, fix: str) -> DataManifest:
    """Return what a manifest says; `fix` is for who finds none in it."""
    try:
        stored = json.loads(content)
        files = {name: FileFacts(**facts) for name, facts in stored["files"].items()}
        return DataManifest(
            model=stored["model"],
            source=SourcePackage(**stored["source"]),
            transform=Transform(**stored["transform"]),
            files=files,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"data set {place!r}", MANIFEST, f"cannot be read ({error!r})", fix) from error


def parse(shard: bytes) -> list[Example]:
    """Return a shard's rows."""
    # Not by `splitlines`: a text may hold other characters that end a line. All at once takes half of one by one.
    lines = [line for line in shard.decode().split("\n") if line]
    return [Example(**row) for row in json.loads(f"[{','.join(lines)}]")]
