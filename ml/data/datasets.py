"""What a training job is handed: `train.jsonl`, `test.jsonl` and a `manifest.json` that says exactly what they hold.

A line is {"id", "text", "label"}. The manifest carries the content hash of each file, so that a model can be traced to
the very rows that it saw, and a job refuses data that changed on the way.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from ml.data.sources import SourcePackage, sha256_of
from ml.errors import DataError
from ml.models import catalogue

MANIFEST = "manifest.json"
SPLITS = ("train", "test")
TEST_SHARE = 0.2
SHUFFLE_SEED = 20140601


@dataclass(frozen=True, kw_only=True)
class Example:
    """One text with its label: a line of a data set."""

    id: str
    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One file of a data set: its content hash, its rows, and how many of each label."""

    sha256: str
    rows: int
    labels: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class DataManifest:
    """What a data set is: for which model, from which source, holding what."""

    model: str
    source: SourcePackage
    files: dict[str, FileFacts]

    @property
    def version(self) -> str:
        """Name the content: the same rows in the same order give the same version, anywhere."""
        hashes = "".join(self.files[name].sha256 for name in sorted(self.files))
        return hashlib.sha256(hashes.encode()).hexdigest()[:12]


def prepare(model: str, cache: Path, out: Path) -> DataManifest:
    """Fetch a model's data into `cache` if it is not there, and write its train and test sets and manifest to `out`."""
    part = catalogue.part(model, "data")
    parts = split(deduplicate(part.read(cache)), part.group)
    out.mkdir(parents=True, exist_ok=True)
    files = {f"{name}.jsonl": _write(parts[name], out / f"{name}.jsonl") for name in SPLITS}
    manifest = DataManifest(model=model, source=part.SOURCE, files=files)
    (out / MANIFEST).write_text(json.dumps({"version": manifest.version, **asdict(manifest)}, indent=2) + "\n")
    return manifest


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


def read(folder: Path) -> tuple[DataManifest, dict[str, list[Example]]]:
    """Read a data set that `prepare` wrote, refusing files that are not what the manifest says."""
    manifest = _read_manifest(folder)
    for name, facts in manifest.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != facts.sha256:
            raise DataError(
                f"data set {folder.name!r}",
                name,
                f"is missing or differs from {MANIFEST}",
                "prepare the data set again",
            )
    rows = {name: _read_rows(folder / f"{name}.jsonl") for name in SPLITS}
    for name in SPLITS:
        if not rows[name]:
            raise DataError(f"data set {folder.name!r}", f"{name}.jsonl", "has no rows", "prepare the data set again")
    return manifest, rows


def _read_manifest(folder: Path) -> DataManifest:
    try:
        stored = json.loads((folder / MANIFEST).read_text())
        files = {name: FileFacts(**facts) for name, facts in stored["files"].items()}
        return DataManifest(model=stored["model"], source=SourcePackage(**stored["source"]), files=files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"data set {str(folder)!r}",
            MANIFEST,
            f"cannot be read ({error!r})",
            "write it with `python -m ml fetch --cache CACHE --model MODEL --out FOLDER`",
        ) from error


def _read_rows(path: Path) -> list[Example]:
    with path.open(encoding="utf-8") as lines:
        return [Example(**json.loads(line)) for line in lines]


def _write(rows: Sequence[Example], path: Path) -> FileFacts:
    lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return FileFacts(
        sha256=sha256_of(path), rows=len(rows), labels=dict(sorted(Counter(row.label for row in rows).items()))
    )
