"""Tries an image without a container engine: its own steps, run in a folder, and its own command, started in that.

Each stage gets a folder for its root. COPY copies, RUN runs by the same shell with `/opt` and `/tmp` turned to that
folder; what a base image brings is this machine's Python. So what is proven is that the steps work in their order, that
what they install is enough, and that what runs writes nothing where a read-only root would refuse it. That a base image
has what the steps call is not: the `images` workflow builds for good.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from ci.child_environment import child_environment
from ci.errors import WorkError
from ci.images.catalogue import CONTENTS, DOCKERFILE, known
from ci.images.dockerfile import Instruction, Stage, filled, stages
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.workspace import Workspace

# Where a container may write: the one is mounted, the other is memory.
WRITABLE = ("opt/ml", "tmp")
# As ml/images/Dockerfile.dockerignore.
_LEFT_OUT = shutil.ignore_patterns("__pycache__")
_PATHS = re.compile(r"(?<![\w./-])/(?=(?:opt|tmp)\b)")


class TrialStep(Result):
    """One RUN, and how long it took."""

    stage: str
    command: str
    seconds: float


class Trial(Result):
    """An image's root as its steps made it; `variables` are those of a container of it."""

    image: str
    root: Path
    steps: tuple[TrialStep, ...]
    megabytes: int
    variables: dict[str, str]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]

    @contextmanager
    def started(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Start the image's command, or its entry point with `arguments`, as a container has it: nothing of ours.

        At the end it raises `WorkError` where files were written that a read-only root keeps.
        """
        before = self._files()
        program, *rest = (*self.entry_point, *(arguments or self.command))
        with subprocess.Popen(
            [shutil.which(program, path=self.variables["PATH"]) or program, *rest],
            cwd=self.root / "opt" / "ml",
            env=self.variables | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
        if written := sorted(place for place, when in self._files().items() if before.get(place) != when):
            raise WorkError(
                thing=f"image {self.image!r}",
                value=f"{len(written)} files",
                rule="were written where a read-only root refuses it",
                fix=f"write below /{' or /'.join(WRITABLE)}",
                details=written[:10],
            )

    def _files(self) -> dict[str, int]:
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        places = {str(path.relative_to(self.root)): path.stat().st_mtime_ns for path in found}
        return {place: when for place, when in places.items() if not place.startswith(WRITABLE)}


def attempt(image: str, workspace: Workspace, folder: Path, *, progress: Progress = QUIET) -> Trial:
    """Run the steps of an image, or of its contents, below `folder`; what lies there from before is not run again.

    Raises `WorkError` with what a step said.
    """
    known(image.removesuffix(CONTENTS))
    builder = _Builder(stages(workspace.root / DOCKERFILE), workspace.root, folder, progress)
    made = builder.stage(image)
    size = sum(path.lstat().st_size for path in made.root.rglob("*"))
    return Trial(
        image=image,
        root=made.root,
        steps=tuple(builder.steps),
        megabytes=round(size / 1e6),
        variables=made.variables,
        entry_point=made.entry_point,
        command=made.command,
    )


@dataclass
class _Made:
    """A stage whose instructions are done."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


class _Builder:
    """Makes each stage when another asks for it, once for each folder."""

    def __init__(self, known_stages: Mapping[str, Stage], context: Path, folder: Path, progress: Progress) -> None:
        self._stages, self._context, self._folder, self._progress = known_stages, context, folder, progress
        self._made: dict[str, _Made] = {}
        self.steps: list[TrialStep] = []

    def stage(self, name: str) -> _Made:
        """Return a stage as its instructions leave it."""
        if name not in self._made:
            file = self._folder / f"{name}.json"
            if file.exists():
                self._made[name] = TypeAdapter(_Made).validate_json(file.read_bytes())
            else:
                self._made[name] = self._make(self._stages[name])
                file.write_bytes(TypeAdapter(_Made).dump_json(self._made[name]))
        return self._made[name]

    def _make(self, stage: Stage) -> _Made:
        made = _Made(self._folder / stage.name)
        made.root.mkdir(parents=True, exist_ok=True)
        if stage.base in self._stages:
            theirs = self.stage(stage.base)
            # Its steps may write over what they find there.
            shutil.copytree(theirs.root, made.root, symlinks=True, dirs_exist_ok=True)
            moved = {key: value.replace(f"{theirs.root}/", f"{made.root}/") for key, value in theirs.variables.items()}
            made = _Made(made.root, moved, theirs.entry_point, theirs.command)
        arguments = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath))}
        for one in stage.instructions:
            match one.word:
                case "ARG":
                    key, _, value = one.text.partition("=")
                    arguments[key] = value
                case "ENV":
                    pairs = (word.partition("=") for word in one.arguments)
                    made.variables |= {key: _inside(made.root, filled(text, arguments)) for key, _, text in pairs}
                case "COPY":
                    self._copy(one, made.root)
                case "RUN":
                    self._run(stage.name, one.text, made.root, arguments)
                case "ENTRYPOINT":
                    made.entry_point, made.command = tuple(one.arguments), ()
                case "CMD":
                    made.command = tuple(one.arguments)
        return made

    def _copy(self, one: Instruction, root: Path) -> None:
        *sources, target = one.arguments
        for source in sources:
            place = root / target.strip("/")
            place = place / Path(source).name if target.endswith("/") else place
            if "from" in one.options:
                _take(self.stage(one.options["from"]).root / source.strip("/"), place)
            elif (ours := self._context / source).is_dir():
                shutil.copytree(ours, place, ignore=_LEFT_OUT)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ours, place)

    def _run(self, stage: str, command: str, root: Path, arguments: Mapping[str, str]) -> None:
        self._progress.say(f"▶ {stage}: {command}")
        (root / "tmp").mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        done = subprocess.run(
            ["/bin/sh", "-ec", _inside(root, command)],
            env=child_environment() | dict(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise WorkError(
                thing=f"stage {stage!r} of {DOCKERFILE}",
                value=f"RUN {command}",
                rule=f"exits {done.returncode}",
                fix="mend what it says, or check the network",
                details=done.stdout.strip().splitlines()[-10:],
            )
        self.steps.append(TrialStep(stage=stage, command=command, seconds=round(time.monotonic() - began, 1)))


def _inside(root: Path, text: str) -> str:
    """A text with the places of a container turned to those below `root`."""
    return _PATHS.sub(f"{root}/", text)


def _take(source: Path, target: Path) -> None:
    """Bring a file or folder of one stage into another that only keeps it: the same files, not copies."""
    if source.is_file():
        os.link(source, target)
        return
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
