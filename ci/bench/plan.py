"""Plan of all of prod's stacks before anything stands: ours as one, `cdktf diff` stack after stack."""

import subprocess
import tempfile
import time
from pathlib import Path

import environments
from ci.bench.row import Row, compare
from ci.embedded_cloud import exports
from ci.plan import plan
from ci.progress import QUIET
from ci.rehearse import stage
from ci.site import Site
from ci.synthesis import synthesize
from ci.workspace import ROOT, Workspace


def ours(site: Site) -> tuple[float, int, int]:
    """Seconds of `groundplan plan`, with synthesis and init; its stacks, and the resources that it plans."""
    started = time.monotonic()
    result = plan(site)
    return time.monotonic() - started, len(result.stacks), result.summary.create


def cdktf(site: Site) -> tuple[float, int]:
    """Seconds of `cdktf diff` of each stack, synthesized before, and how many of them it cannot plan."""
    stacks = synthesize(site.environment, site.workspace)
    variables, out = site.variables() | exports(site), stacks[0].folder.parent.parent
    failed, started = 0, time.monotonic()
    for stack in stacks:
        command = ["npx", "cdktf", "diff", stack.id, "--skip-synth", "--skip-provider-lock", "--output", str(out)]
        failed += subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=False).returncode != 0
    return time.monotonic() - started, failed


def run() -> dict[str, Row]:
    """Measure both, each on an empty cloud."""
    prod = environments.load("prod")
    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as folder:
        with stage(prod, Workspace(home=Path(folder, "ours")), QUIET) as site:
            mine, stacks, _ = ours(site)
        with stage(prod, Workspace(home=Path(folder, "theirs")), QUIET) as site:
            theirs, failed = cdktf(site)
    # What it cannot plan reads the state of a stack that does not stand yet, and costs it less time than a plan.
    peer = f"cdktf diff, stack after stack ({failed} of {stacks} fail)"
    return {"plan_of_prod": compare(mine, {peer: theirs}, unit="s", bound=1.0)}
