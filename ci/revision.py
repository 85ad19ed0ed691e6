"""The stacks of an environment as another revision of this repository declares them."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.child_environment import child_environment
from ci.errors import CommandError
from ci.manifest import Stack, read_stacks
from ci.tools import need_node
from ci.workspace import Workspace


@dataclass(frozen=True)
class Revision:
    """A commit, as its author named it and by its number."""

    name: str
    commit: str

    @classmethod
    def of(cls, name: str, workspace: Workspace) -> "Revision":
        """Return what `name` means to git; raise when that is nothing."""
        answer = _git(workspace, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if answer.returncode != 0:
            raise CommandError(
                thing="revision",
                value=repr(name),
                rule="is none of this repository",
                fix="name a branch, tag or commit that is here; in a workflow, check out with fetch-depth: 0",
            )
        return cls(name, answer.stdout.decode().strip())


@contextmanager
def stacks_at(revision: Revision, environment: str, workspace: Workspace) -> Iterator[tuple[Stack, ...]]:
    """Give the stacks that `environment` had at `revision`, none where it had no such file.

    The tools are those of now: of the revision come the environments, the constructs and the stacks.
    """
    with TemporaryDirectory(prefix="groundplan-") as folder:
        place = Path(folder)
        archive = _git(workspace, "archive", "--format=tar", revision.commit)
        archive.check_returncode()
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
            tree.extractall(place, filter="data")
        exists = (place / "environments" / f"{environment}.py").exists()
        yield _synthesized(place, environment, revision) if exists else ()


def _synthesized(place: Path, environment: str, revision: Revision) -> tuple[Stack, ...]:
    need_node()
    out = place / "cdktf.out"
    done = subprocess.run(
        [sys.executable, "app.py", environment],
        cwd=place,
        env=child_environment({"CDKTF_OUTDIR": str(out)}),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise CommandError(
            thing=f"environment {environment!r} at {revision.name!r}",
            value=said[-1] if said else "no message",
            rule="stopped its synthesis",
            fix="compare with a revision whose synthesis works",
        )
    return read_stacks(out)


def _git(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=workspace.root, capture_output=True, check=False)
