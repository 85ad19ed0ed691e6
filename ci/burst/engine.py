"""Pulumi's engine as a process that never outlives the call which started it.

The SDK's own leaves it behind at Ctrl-C: it would hold the stack's lock and go on making machines while they are ended.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from ci.child_environment import child_environment

# It waits some minutes for Batch, and fetches its plug-in the first time.
MOST_SECONDS = 1200.0
# What it began it finishes, and writes down; that is quick, for nothing new begins.
GRACE_SECONDS = 90.0
_POLL_SECONDS = 0.1


class Engine(PulumiCommand):  # type: ignore[misc]
    """The program `pulumi`: ended when `stopped` says so, or when it takes too long, and waited for in any case."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        super().__init__()
        self._stopped = stopped

    def run(self, args: list[str], cwd: str, additional_env: Mapping[str, str], *_: Any, **__: Any) -> CommandResult:
        """Run it to its end; raises the SDK's `CommandError` where it fails, `KeyboardInterrupt` if it is stopped."""
        # A file each: what it started may keep a pipe open for longer than it lives itself.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [self.command, "--non-interactive", *args],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=child_environment({**additional_env, "PULUMI_AUTOMATION_API": "true"}),
                # Away from the terminal, whose Ctrl-C would come beside ours: at a second one it forgets what it makes.
                start_new_session=True,
            )
            why = self._wait(process)
            result = CommandResult(stdout=_text(out), stderr=_text(err) + why, code=process.returncode)
        if self._stopped():
            raise KeyboardInterrupt
        if result.code != 0 or why:
            raise create_command_error(result)
        return result

    def _wait(self, process: "subprocess.Popen[bytes]") -> str:
        """Wait for its end, or bring that about; return why that was."""
        deadline = time.monotonic() + MOST_SECONDS
        while time.monotonic() < deadline and not self._stopped():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
                return ""
        process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return "" if self._stopped() else f"\nerror: it had not ended after {MOST_SECONDS:g} s, and was ended"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
