"""Deploys an environment: every stack after those whose outputs it reads, and side by side where the order allows."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.changes import consent
from ci.changes.applied import SavedSteps
from ci.changes.saved import PlanStore
from ci.manifest import Stack
from ci.platform_run import PlatformRun, Step, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.synthesis import synthesize
from ci.undeclared import UndeclaredStack, undeclared


class Span(Result):
    """One resource as Terraform made, changed or removed it; seconds since the deploy began."""

    address: str
    started_seconds: float
    ended_seconds: float


class StackOutcome(Result):
    """What a deploy did to one stack; `started_seconds` since the deploy began."""

    stack: str
    after: tuple[str, ...]
    started_seconds: float
    seconds: float
    # How many resources of each Terraform type it holds.
    types: dict[str, int]
    resources: int
    created: int
    updated: int
    replaced: int
    destroyed: int
    # What only the state heard of.
    moved: int
    imported: int
    forgotten: int
    spans: tuple[Span, ...]


class DeployResult(Result):
    """A deploy that went well; `stacks` in the order of their dependencies is also its timeline."""

    environment: str
    seconds: float
    synth_seconds: float
    resources: int
    changed: int
    stacks: tuple[StackOutcome, ...]
    # What stands and is declared no more: it was left as it is.
    undeclared: tuple[UndeclaredStack, ...]

    @property
    def told(self) -> str:
        """What became of how many resources, in words."""
        of_state = {
            word: sum(getattr(stack, word) for stack in self.stacks) for word in ("moved", "imported", "forgotten")
        }
        words = {"changed": self.changed} | {word: count for word, count in of_state.items() if count}
        return ", ".join(f"{count} {word}" for word, count in words.items())


def deploy(
    site: Site, *, plan: str | None = None, may_lose: Collection[str] = (), progress: Progress = QUIET
) -> DeployResult:
    """Bring the environment to what its file says, or do just what the saved plan with the hash `plan` says.

    Before anything is touched it raises `StalePlanError` where that plan does not hold any more, and `LossError` where
    it loses contents of other resources than those that `may_lose` names as STACK:ADDRESS. Later, `StacksError` with
    Terraform's findings, after all stacks that could be deployed were; `BusyError` when another run is at work;
    KeyboardInterrupt after a Ctrl-C, when Terraform has saved its state.
    """
    began = time.monotonic()
    with platform_run(site, "deploy", progress) as run:
        stacks = synthesize(site.environment, site.workspace)
        synth_seconds = time.monotonic() - began
        progress.say(f"Synthesized {len(stacks)} stacks in {synth_seconds:.1f} s.")
        run.state.ensure_bucket()
        with _step(site, run, stacks, plan, may_lose) as step:
            shown = run.each(stacks, step, needs={stack.id: stack.dependencies for stack in stacks})
        if error := failure(f"deploy of {site.name!r}", shown):
            raise error
        outcomes = _outcomes(stacks, shown, began)
        stray = undeclared(run.state, site.name, stacks)
    return DeployResult(
        environment=site.name,
        seconds=round(time.monotonic() - began, 2),
        synth_seconds=round(synth_seconds, 2),
        resources=sum(outcome.resources for outcome in outcomes),
        changed=sum(outcome.created + outcome.updated + outcome.replaced + outcome.destroyed for outcome in outcomes),
        stacks=outcomes,
        undeclared=stray,
    )


@contextmanager
def _step(
    site: Site, run: PlatformRun, stacks: Sequence[Stack], plan: str | None, may_lose: Collection[str]
) -> Iterator[Step]:
    """Give what a deploy does with each stack."""
    if plan is None:
        yield run.runner.apply
        return
    with TemporaryDirectory(prefix="groundplan-") as folder:
        saved, files = PlanStore(site).load(plan, Path(folder))
        saved.check(stacks, run.state)
        consent.check_names(site.name, saved.losses, may_lose)
        yield SavedSteps(run.runner, saved, files).step


def _outcomes(stacks: Sequence[Stack], shown: Sequence[StackProgress], began: float) -> tuple[StackOutcome, ...]:
    return tuple(_outcome(stack, progress, began) for stack, progress in zip(stacks, shown, strict=True))


def _outcome(stack: Stack, progress: StackProgress, began: float) -> StackOutcome:
    return StackOutcome(
        stack=stack.id,
        after=tuple(sorted(stack.dependencies)),
        started_seconds=round((progress.started or began) - began, 2),
        seconds=round(progress.seconds, 2),
        types=stack.types,
        resources=stack.resources,
        created=progress.planned["create"],
        updated=progress.planned["update"],
        replaced=progress.planned["replace"],
        destroyed=progress.planned["delete"],
        moved=progress.planned["move"],
        imported=progress.planned["import"],
        forgotten=progress.planned["remove"],
        spans=tuple(
            Span(address=address, started_seconds=round(start - began, 2), ended_seconds=round(end - began, 2))
            for address, start, end in progress.spans
        ),
    )
