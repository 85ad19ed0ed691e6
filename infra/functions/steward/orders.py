"""What the steward is told, and how it works through a list: a line for each thing, and no failure hides another."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from .found import Found

# Written into the archive beside the package when the stacks are built.
SETTINGS = Path(__file__).parents[1] / "settings.json"


class UnfinishedError(Exception):
    """Some things could not be ended; the others were."""


@dataclass(frozen=True)
class Orders:
    """Whose things are looked at, where, and whether anything is done to them."""

    project: str
    environment: str
    regions: tuple[str, ...]
    dry_run: bool = False
    # Whether the brake also ends what runs.
    ends_running: bool = False

    @classmethod
    def read(cls, event: dict[str, Any], file: Path = SETTINGS) -> "Orders":
        """Return the orders of the archive; the event may ask for a dry run."""
        settings = json.loads(file.read_text())
        settings["regions"] = tuple(settings["regions"])
        settings["dry_run"] = bool(event.get("dry_run", settings.get("dry_run", False)))
        return cls(**settings)

    def concern(self, found: Found) -> bool:
        """Tell whether a thing is this environment's. What bears no tags of ours is never touched."""
        mine = {"project": self.project, "environment": self.environment}
        return mine.items() <= found.tags.items()


def carry_out(orders: Orders, things: Iterable[Found], reason: str) -> dict[str, Any]:
    """End each thing, or say that one would. Raises `UnfinishedError` at the end if AWS refused any."""
    ended, refused = [], []
    for thing in things:
        said = {"kind": thing.kind, "name": thing.name, "region": thing.region, "reason": reason}
        if orders.dry_run:
            _log("would end", said)
            continue
        try:
            thing.end()
        except ClientError as error:
            _log("refused", said | {"error": str(error)})
            refused.append(thing.name)
        else:
            _log("ended", said)
            ended.append(thing.name)
    if refused:
        raise UnfinishedError(f"{len(refused)} of {len(ended) + len(refused)} were refused: {', '.join(refused)}")
    return {"ended": ended, "dry_run": orders.dry_run}


def _log(event: str, fields: dict[str, str]) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)
