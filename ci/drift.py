"""Finds what somebody changed or removed by other ways than a deploy, and that a deploy would put back."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ci.changes import resource
from ci.changes.resource import ResourceChange
from ci.manifest import Stack
from ci.platform_run import PlatformRun, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.synthesis import synthesize


class DriftResult(Result):
    """What is not as the last deploy left it: stack → resources that were changed (`update`) or removed (`destroy`)."""

    environment: str
    # Stack → how many resources of it were looked at; those that were never deployed are not there.
    looked_at: dict[str, int]
    stacks: dict[str, tuple[ResourceChange, ...]]

    @property
    def total(self) -> int:
        """How many resources drifted."""
        return sum(map(len, self.stacks.values()))


def drift(site: Site, *, progress: Progress = QUIET) -> DriftResult:
    """Look at every resource of every stack that is deployed, and change nothing, not even the state.

    Run it with the code that was deployed: an argument that newer code changes too counts as drifted where the state
    and AWS differ in it, if only in how they write it.

    Raises `StacksError` with Terraform's findings.
    """
    with platform_run(site, "drift", progress) as run, TemporaryDirectory(prefix="groundplan-") as folder:
        stacks = synthesize(site.environment, site.workspace)
        counts = {stack.id: count for stack in stacks if run.state.exists and (count := run.state.resources(stack))}
        standing = [stack for stack in stacks if stack.id in counts]
        look = _Look(run, Path(folder))
        shown = run.each(standing, look.step, needs=dict.fromkeys(counts, frozenset()))
        if error := failure(f"drift of {site.name!r}", shown):
            raise error
    found = {stack.id: look.found[stack.id] for stack in standing if look.found.get(stack.id)}
    return DriftResult(environment=site.name, looked_at=counts, stacks=found)


class _Look:
    def __init__(self, run: PlatformRun, folder: Path) -> None:
        self._run, self._folder = run, folder
        self.found: dict[str, tuple[ResourceChange, ...]] = {}

    def step(self, stack: Stack, shown: StackProgress) -> bool:
        """Ask AWS about one stack; tell whether that went well."""
        file = self._folder / f"{stack.id}.tfplan"
        if not self._run.runner.plan(stack, shown, file=file):
            return False
        if shown.drifted and resource.of_events(shown.changes):
            document = self._run.runner.read_plan(stack, file)
            self.found[stack.id] = resource.of_drift(document)
        return True
