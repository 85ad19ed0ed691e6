"""What a killed Terraform had made and could not save, as far as its own events tell it.

Terraform saves its state to S3 every twenty seconds and at its end. After a `kill -9` of Terraform itself, what it made
since then exists in AWS and in no state: the next run would fail on it, or make it a second time.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXISTS = re.compile(r"already\s?(exists?|owned|associated|in use)|duplicate|exists with", re.IGNORECASE)
"""How services say that what was to be made is there."""


@dataclass(frozen=True)
class Interrupted:
    """A run that ended in the middle of a stack."""

    since: datetime
    # What it had made: address → the id that its provider gave.
    made: Mapping[str, str] = field(default_factory=dict)
    # What it was making when it ended: perhaps it is there, perhaps not.
    begun: frozenset[str] = frozenset()

    @classmethod
    def read(cls, mark: Path, events: Path) -> "Interrupted | None":
        """Return what the mark and the events of a dead run say, or None where there is no mark."""
        if not mark.exists():
            return None
        left = json.loads(mark.read_text())
        made, begun = dict(left["made"]), set()
        for event in _events(events) if events.exists() else ():
            address = event.get("hook", {}).get("resource", {}).get("addr")
            match event["type"], event.get("hook", {}).get("action"):
                case "apply_start", "create":
                    # Until it completes: an error may only say that the wait for it was given up.
                    begun.add(address)
                case "apply_complete", "create":
                    begun.discard(address)
                    if identifier := event["hook"].get("id_value"):
                        made[address] = identifier
                case "apply_complete", "delete":
                    made.pop(address, None)
                case "diagnostic", _ if EXISTS.search(event["diagnostic"]["summary"]):
                    # It was there before that run, and so is somebody else's.
                    begun.discard(event["diagnostic"].get("address"))
        unsaved = frozenset(begun | set(left["begun"])) - made.keys()
        return cls(datetime.fromisoformat(left["since"]), made, unsaved)

    def less(self, saved: Iterable[str]) -> "Interrupted":
        """Return what is left of it when the addresses in the state are taken away."""
        known = set(saved)
        made = {address: identifier for address, identifier in self.made.items() if address not in known}
        return Interrupted(self.since, made, self.begun - known)

    def write(self, mark: Path) -> None:
        """Leave word of it for the run that follows, should this one be killed too."""
        left = {"since": datetime.now(UTC).isoformat(), "made": dict(self.made), "begun": sorted(self.begun)}
        draft = mark.with_suffix(".draft")
        draft.write_text(json.dumps(left))
        draft.replace(mark)

    def __bool__(self) -> bool:
        return bool(self.made or self.begun)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what Terraform told; the last line may have been cut."""
    for line in path.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "type" in event:
            yield event
