"""Examples a second out of a data set that is streamed from S3, against the same files read plainly from the disk."""

import json
import subprocess
import tempfile
from pathlib import Path

from ci.artifacts import upload_folder
from ci.bench.platform import fresh_site
from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT
from ml.data import datasets

BUCKET = "bench-data"


def run() -> dict[str, Row]:
    """Measure in turns, in one process of its own that has no other work; the embedded cloud's S3 is on this machine.

    With a cold cache the peer is who copies everything first, as a job does whose channel is copied; it looks well
    here, where a request costs no time on the way that streaming could hide.
    """
    with tempfile.TemporaryDirectory() as folder, fresh_site() as site:
        from ci.bench.loader_rounds import write

        write(Path(folder) / "data")
        site.client("s3").create_bucket(Bucket=BUCKET)
        uri = upload_folder(site, Path(folder) / "data", BUCKET, "texts", last=datasets.MANIFEST)
        done = subprocess.run(
            python("-m", "ci.bench.loader_rounds", folder, uri),
            cwd=ROOT,
            env=child_environment(site.variables()),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"the loaders failed:\n{done.stderr[-2000:]}")
    took = json.loads(done.stdout.splitlines()[-1])
    return {
        "train_loader_throughput": compare(
            took["warm"], {"plain local reads": took["plain"]}, unit="µs per example", bound=1.6
        ),
        "train_loader_cold": compare(
            took["cold"], {"copy all, then plain local reads": took["copied"]}, unit="µs per example", bound=1.6
        ),
    }
