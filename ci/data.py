"""Makes a model's data set on this machine: fetched, split, transformed, told by its hashes."""

import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from ci.artifacts import upload_folder
from ci.contracts import training_contract
from ci.errors import CommandError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.workspace import Workspace

if TYPE_CHECKING:
    from ml.data.datasets import DataManifest


def in_bucket(site: Site, model: str, progress: Progress, *, part: str = "data") -> tuple[str, str]:
    """Bring a model's data set to S3, making it first if that was not done; return its address and its version.

    `part` is the file of the model's folder that says what it holds: data.py, or elsewhere.py.
    """
    from ml.data import datasets

    folder = site.workspace.home / "datasets" / (model if part == "data" else f"{model}-{part}")
    # What it prints is no result of ours.
    with redirect_stdout(sys.stderr):
        cache = site.workspace.cache / "datasets"
        data = datasets.prepared(model, folder, part) or datasets.prepare(model, cache, folder, part=part)
    bucket = training_contract(site).data_bucket
    uri = upload_folder(site, folder, bucket, f"datasets/{folder.name}/{data.version}", last=datasets.MANIFEST)
    progress.say(f"Data set {folder.name} {data.version} is at {uri}.")
    return uri, data.version


class SplitLine(Result):
    """One of the sets: how much it holds."""

    shards: int
    rows: int
    bytes: int


class DataResult(Result):
    """A data set: where it lies, what it was made of and by what, the content hash of each shard."""

    model: str
    version: str
    folder: str
    source: str
    source_sha256: str
    transform_sha256: str
    splits: dict[str, SplitLine]
    shards: dict[str, str]
    seconds: float


def prepare(
    workspace: Workspace,
    model: str,
    *,
    workers: int = 1,
    ray: str | None = None,
    rows_per_shard: int | None = None,
    out: Path | None = None,
    progress: Progress = QUIET,
) -> DataResult:
    """Make the data set that `groundplan train` takes, in this process, in `workers` processes or on Ray.

    All of them make the same bytes.
    """
    from ml.data import datasets, engines

    if ray and workers > 1:
        raise CommandError(
            thing="data prepare",
            value=f"--workers {workers} --ray {ray}",
            rule="exclude each other",
            fix="leave one out",
        )
    engine = engines.on_ray(ray) if ray else engines.workers(workers) if workers > 1 else engines.in_process
    folder = out or workspace.home / "datasets" / model
    began = time.monotonic()
    progress.say(f"Making {model}'s data set " + (f"on Ray at {ray}." if ray else f"in {workers} process(es)."))
    # What it prints is no result of ours.
    with redirect_stdout(sys.stderr):
        manifest = datasets.prepare(
            model,
            workspace.cache / "datasets",
            folder,
            engine=engine,
            rows_per_shard=rows_per_shard or datasets.ROWS_PER_SHARD,
        )
    return _result(manifest, folder, time.monotonic() - began)


def _result(manifest: "DataManifest", folder: Path, seconds: float) -> DataResult:
    splits = {}
    for name in ("train", "test"):
        shards = manifest.shards(name).values()
        splits[name] = SplitLine(
            shards=len(shards),
            rows=sum(facts.rows for facts in shards),
            bytes=sum(facts.bytes for facts in shards),
        )
    return DataResult(
        model=manifest.model,
        version=manifest.version,
        folder=str(folder),
        source=f"{manifest.source.name}=={manifest.source.version}",
        source_sha256=manifest.source.sha256,
        transform_sha256=manifest.transform.code,
        splits=splits,
        shards={name: facts.sha256 for name, facts in manifest.files.items()},
        seconds=round(seconds, 1),
    )
