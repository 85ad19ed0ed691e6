"""Synth of all four environments in one process, against the same program with the toolkit's stock imports."""

import filecmp
import tempfile
from pathlib import Path

import environments
from ci.bench.process import Usage, best, measure, python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT

ROUNDS = 3


def run() -> dict[str, Row]:
    """Measure time and peak memory, in turns, of two programs that write the same."""
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = Path(folder) / "ours", Path(folder) / "stock"
        ours: list[Usage] = []
        stock: list[Usage] = []
        for _ in range(ROUNDS):
            ours.append(_measure("app.py", *environments.names(), outdir=mine))
            stock.append(_measure("-m", "ci.bench.stock_synth", str(theirs), outdir=theirs))
        _same(mine / "stacks", theirs / "stacks")
    us, them = best(ours), best(stock)
    return {
        "synth_time": compare(us.seconds, {"stock imports": them.seconds}, unit="s", bound=0.25),
        "synth_memory": compare(us.peak_mib, {"stock imports": them.peak_mib}, unit="MiB", bound=0.5),
    }


def _measure(*arguments: str, outdir: Path) -> Usage:
    return measure(python(*arguments), cwd=ROOT, env=child_environment({"CDKTF_OUTDIR": str(outdir)}))


def _same(ours: Path, stock: Path) -> None:
    stacks = [f"{folder.name}/cdk.tf.json" for folder in ours.iterdir()]
    _, different, missing = filecmp.cmpfiles(ours, stock, stacks, shallow=False)
    if different or missing:
        raise RuntimeError(f"the two programs write different stacks: {', '.join(different + missing)}")
