"""The program `pulumi` as a process of its own: FOLDER MANNER, then what it is called with.

It keeps stacks and their lock in FOLDER, and stands still once `up` holds machines: until it is told to stop
(`obedient`, which during the destroy sends its launcher a signal too), or for two minutes (`deaf`).
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

Stacks = dict[str, list[tuple[str, str]]]
LOCKED = "error: the stack is currently locked by 1 lock(s)."
CANCELLED = "error: update canceled"


def main() -> int:
    folder, manner, *args = sys.argv[1:]
    if args == ["version"]:
        print("v3.272.0")
        return 0
    args.remove("--non-interactive")
    with (Path(folder) / "calls").open("a") as calls:
        print(*args[:2], file=calls)
    kept, lock = Path(folder) / "stacks.json", Path(folder) / "locked"
    stacks: Stacks = json.loads(kept.read_text()) if kept.exists() else {}
    complaint = _answered(args, stacks, lock) if args[0] not in ("up", "destroy") else LOCKED * lock.exists()
    if args[0] in ("up", "destroy") and not complaint:
        lock.touch()
        complaint = _work(args, stacks, manner)
        lock.unlink()
    kept.write_text(json.dumps(stacks))
    print(complaint, file=sys.stderr)
    return 255 if complaint else 0


def _answered(args: list[str], stacks: Stacks, lock: Path) -> str:
    """What needs no AWS is answered without the SDK, in a moment."""
    match args:
        case ["stack", "select", "--stack", name]:
            return "" if name in stacks else f"error: no stack named '{name}' found"
        case ["stack", "init", name, *_]:
            stacks[name] = []
        case ["stack", "rm", *words]:
            if lock.exists() or (stacks[words[-1]] and "--force" not in words):
                return LOCKED
            del stacks[words[-1]]
        case ["stack", "history", *_]:
            summary = {"kind": "update", "startTime": "2026-01-01T00:00:00.000Z", "message": "", "environment": {}}
            print(json.dumps([{**summary, "config": {}, "result": "succeeded"}]))
        case ["cancel", *_]:
            lock.unlink()
        case _:
            raise NotImplementedError(args)
    return ""


def _work(args: list[str], stacks: Stacks, manner: str) -> str:
    from pulumi.automation.errors import CommandError

    from ci.burst.program import RESERVATION
    from tests.ci.pulumi_engine import Engine

    told = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN if manner == "deaf" else lambda *_: told.set())
    if args[0] == "destroy" and manner == "obedient":
        os.kill(os.getppid(), signal.SIGTERM)

    def after(kind: str) -> str | None:
        if kind == RESERVATION:
            told.wait(120)
        return CANCELLED if told.is_set() else None

    engine = Engine(Clients(), after)
    engine.stacks = stacks
    try:
        engine.run(args, "", {})
    except CommandError as error:
        return str(error)
    return ""


class Clients:
    """AWS as the variables of this process name it."""

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(service)


if __name__ == "__main__":
    sys.exit(main())
