"""Plan of all of prod's stacks before anything stands: ours as one, `cdktf diff` stack after stack."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import environments
from ci.bench.row import Row, compare
from ci.embedded_cloud import exports
from ci.errors import WorkError
from ci.manifest import Stack, read_stacks
from ci.plan import PlanResult, plan
from ci.progress import QUIET
from ci.rehearse import stage
from ci.site import Site
from ci.synthesis import synthesize
from ci.workspace import ROOT, Workspace


def ours(site: Site) -> tuple[float, int]:
    """Seconds of `groundplan plan`, with synthesis and init, and its stacks; raises where it tells less than all."""
    started = time.monotonic()
    result = plan(site)
    seconds = time.monotonic() - started
    stacks = read_stacks(site.workspace.folder(site.name) / "cdktf.out")
    if told := unlike(stacks, result):
        raise WorkError(
            thing=f"the first plan of {site.name!r}",
            value=f"{len(told)} stacks",
            rule="are not planned as they are declared",
            fix="mend ci/plan.py, or what its stacks hand on",
            details=told,
        )
    return seconds, len(stacks)


def unlike(stacks: Sequence[Stack], result: PlanResult) -> list[str]:
    """What a first plan tells otherwise than the stacks declare: all that is in their JSON is created, and no more."""
    told = [f"{name}: is not declared" for name in result.stacks.keys() - {stack.id for stack in stacks}]
    for stack in stacks:
        resources = stack.document.get("resource", {})
        declared = {f"{kind}.{name}" for kind, named in resources.items() for name in named}
        changes = result.stacks[stack.id].changes if stack.id in result.stacks else ()
        # Copies of one resource are counted: their addresses go on with a bracket.
        created = [change.address.partition("[")[0] for change in changes if change.action == "create"]
        differs = sorted(declared.symmetric_difference(created))
        differs += [str(change) for change in changes if change.action != "create"]
        if differs or len(created) != stack.resources:
            told.append(f"{stack.id}: {len(created)} of {stack.resources} are created: {', '.join(differs)}")
    return told


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
            mine, stacks = ours(site)
        with stage(prod, Workspace(home=Path(folder, "theirs")), QUIET) as site:
            theirs, failed = cdktf(site)
    # What it cannot plan reads the state of a stack that does not stand yet, and costs it less time than a plan.
    peer = f"cdktf diff, stack after stack ({failed} of {stacks} fail)"
    return {"plan_of_prod": compare(mine, {peer: theirs}, unit="s", bound=1.0)}
