"""`python -m ci.bench [NAME …]`: run all comparisons, or those whose names begin so, and keep the others' last rows.

Exits with 1 when a bound does not hold.
"""

import json
import sys
from importlib import import_module

from rich.console import Console
from rich.table import Table

from ci.bench.row import Row
from ci.workspace import ROOT

# Quick ones first. One module each, with a function `run` that returns its rows.
MEASUREMENTS = (
    "synth",
    "doctor",
    "train",
    "loader",
    "checkpoints",
    "serve",
    "serve_peers",
    "cold_start",
    "optimize",
    "check",
    "plan",
    "rollback",
    "deploy",
    "growth",
)
FILE = ROOT / "out" / "bench.json"


def last() -> dict[str, Row]:
    """Return the rows of earlier runs."""
    if not FILE.exists():
        return {}
    return {name: Row.model_validate(row) for name, row in json.loads(FILE.read_text()).items()}


def table(rows: dict[str, Row]) -> Table:
    """Return the rows as a reader wants them."""
    drawn = Table("name", "ours", "against", "unit", "ratio", "bound", "")
    for name, row in rows.items():
        peers = ", ".join(f"{peer} {value:.4g}" for peer, value in row.against.items())
        verdict = "[green]holds[/]" if row.holds else "[red]broken[/]"
        drawn.add_row(name, f"{row.ours:.4g}", peers, row.unit, _ratio(row), f"≤ {row.bound:.3f}", verdict)
    return drawn


def _ratio(row: Row) -> str:
    return f"{row.ratio:.3f}" + (f" ± {row.spread:.3f}" if row.spread is not None else "")


def main(wanted: list[str]) -> int:
    """Run, write, print; return the exit code."""
    console = Console()
    rows = last() if wanted else {}
    for name in MEASUREMENTS:
        if not wanted or name in wanted:
            console.print(f"measuring {name} …")
            rows |= import_module(f"ci.bench.{name}").run()
            FILE.parent.mkdir(exist_ok=True)
            FILE.write_text(json.dumps({key: row.model_dump() for key, row in rows.items()}, indent=2) + "\n")
    console.print(table(rows))
    console.print(f"written to {FILE.relative_to(ROOT)}")
    return 0 if all(row.holds for row in rows.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
