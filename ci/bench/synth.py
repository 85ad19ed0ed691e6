"""Synth of dev, staging and prod in one process, against the same program with the toolkit's stock imports."""

import tempfile
from pathlib import Path

from ci.bench.process import Usage, best, measure, python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT

ROUNDS = 3

OURS = """
import sys, pathlib, app
app.synthesize(("dev", "staging", "prod"), pathlib.Path(sys.argv[1]))
"""

# What is imported first stays: the bindings' own __init__ and a Node without our hook.
STOCK = (
    """
import cdktf, cdktf_cdktf_provider_aws
"""
    + OURS
)


def run() -> dict[str, Row]:
    """Measure time and peak memory, in turns."""
    ours: list[Usage] = []
    stock: list[Usage] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for program, results in ((OURS, ours), (STOCK, stock)):
                out = Path(folder) / f"{turn}-{len(program)}"
                results.append(measure(python("-c", program, str(out)), cwd=ROOT, env=child_environment()))
    mine, theirs = best(ours), best(stock)
    return {
        "synth_time": compare(mine.seconds, {"stock imports": theirs.seconds}, unit="s", bound=0.25),
        "synth_memory": compare(mine.peak_mib, {"stock imports": theirs.peak_mib}, unit="MiB", bound=0.5),
    }
