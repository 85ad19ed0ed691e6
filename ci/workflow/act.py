"""Runs a workflow by act: GitHub's rules for jobs, conditions and matrices, on this machine and without Docker."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import psutil

from ci.errors import MissingToolError, WorkError
from ci.progress import Progress
from ci.result import Result
from ci.workflow.stage import LEFT_OUT, Stage

State = Literal["done", "failed", "left out", "skipped"]
_STATES: Mapping[str, State] = {"success": "done", "failure": "failed", "skipped": "skipped"}


class StepOutcome(Result):
    """How one step went, or why a job was not begun; where others wrote it, a stub stood in its place: `left out`."""

    job: str
    step: str
    state: State
    seconds: float = 0.0


@dataclass
class _Log:
    """What act's log says of steps, as far as it has been read."""

    progress: Progress
    outcomes: list[StepOutcome] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    # Job and step of every stub that ran.
    stubs: set[tuple[str, str]] = field(default_factory=set)

    def take(self, line: str) -> None:
        """Take note of a line; what a step itself writes goes to the terminal."""
        try:
            record: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            record = {"level": "error", "msg": line.strip()}
        if record.get("raw_output"):
            print(record["msg"], end="", file=sys.stderr)
        elif record.get("jobResult") == "skipped":
            self._note(record, "not begun", "skipped")
        elif record.get("stage") == "Main" and "stepID" in record:
            self._step(record, *record["stepID"])
        elif record.get("level") == "error":
            self.errors.append(record["msg"])

    def _step(self, record: Mapping[str, Any], place: str, *inside: str) -> None:
        title, result = record["step"].partition("@")[0], record.get("stepResult")
        if inside:
            if LEFT_OUT in record["msg"]:
                self.stubs.add((record["job"], place))
        elif result:
            state = "left out" if (record["job"], place) in self.stubs else _STATES[result]
            self._note(record, title, state, record.get("executionTime", 0) / 1e9)
        elif "Run Main" in record["msg"]:
            self.progress.say(f"▶ {record['jobID']}: {title}")

    def _note(self, record: Mapping[str, Any], step: str, state: State, seconds: float = 0.0) -> None:
        values = ", ".join(map(str, (record.get("matrix") or {}).values()))
        job = record["jobID"] + (f" ({values})" if values else "")
        self.outcomes.append(StepOutcome(job=job, step=step, state=state, seconds=round(seconds, 2)))


def run(stage: Stage, variables: Mapping[str, str], progress: Progress) -> tuple[StepOutcome, ...]:
    """Run a staged workflow; return its steps as they came. Raises `WorkError` where act cannot read the file."""
    log = _Log(progress)
    with subprocess.Popen(
        [_act(), *_arguments(stage)],
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C is for the steps, which save what is under way: act would kill them.
        start_new_session=True,
    ) as process:
        try:
            _read(process, log)
        except BaseException:
            _interrupt(process, log)
            raise
    if process.returncode and not any(one.state == "failed" for one in log.outcomes):
        value, fix = stage.file.name, "mend what it says"
        raise WorkError(thing="act", value=value, rule="did not run it", fix=fix, details=log.errors[-5:])
    return tuple(log.outcomes)


def _act() -> str:
    """Return the program, which a package puts beside this Python."""
    if found := shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act"):
        return found
    raise MissingToolError(thing="act", value="no such program", rule="is beside this Python", fix="run `make setup`")


def _arguments(stage: Stage) -> list[str]:
    text = "".join(file.read_text() for file in stage.file.parent.glob("*.yml"))
    machines = sorted(set(re.findall(r'"runs-on": "([\w.-]+)"', text)))
    others = sorted(set(re.findall(r'"uses": "([\w-]+/[\w-]+@\w+)"', text)))
    return [
        *(stage.event, "--directory", str(stage.checkout), "--workflows", str(stage.file)),
        *("--eventpath", str(stage.told), "--secret", "GITHUB_TOKEN=of-a-rehearsal"),
        *(word for name, value in (*stage.variables.items(), *_plain()) for word in ("--env", f"{name}={value}")),
        *(word for machine in machines for word in ("--platform", f"{machine}=-self-hosted")),
        *(word for one in others for word in ("--local-repository", f"{one}={stage.stub(one.partition('@')[0])}")),
        *("--action-cache-path", str(stage.folder / "cache"), "--action-offline-mode", "--no-cache-server"),
        *("--concurrent-jobs", "1", "--json", "--verbose"),
    ]


def _plain() -> Iterator[tuple[str, str]]:
    """Say to steps what their output is no terminal for: act gives them one, whatever its own goes to."""
    if not sys.stderr.isatty():
        # Of a dumb terminal rich leaves bold letters and moving lines out too.
        yield from (("NO_COLOR", "1"), ("TERM", "dumb"))


def _read(process: "subprocess.Popen[str]", log: _Log) -> None:
    for line in process.stdout or ():
        log.take(line)
    process.wait()


def _interrupt(process: "subprocess.Popen[str]", log: _Log) -> None:
    """End what runs as Ctrl-C in a terminal would, and wait for it; what it still writes is read, or it would wait."""
    reader = Thread(target=_read, args=(process, log))
    try:
        struck = _strike(process)
        reader.start()
        psutil.wait_procs(struck)
        # What act began in the meantime.
        process.send_signal(signal.SIGSTOP)
        _strike(process)
    finally:
        process.kill()
    reader.join()


def _strike(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Interrupt each step with all that it started; return what it started."""
    shells = psutil.Process(process.pid).children() if process.poll() is None else []
    called: list[psutil.Process] = []
    # Whatever ends by itself meanwhile needs no more.
    for shell in shells:
        with suppress(psutil.NoSuchProcess):
            called += shell.children(recursive=True)
    for shell in shells:
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(shell.pid), signal.SIGINT)
    return called
