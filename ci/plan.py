"""Tells what a deploy would change, in every stack, before anything is touched: one plan, also where nothing stands."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ConfigDict, Field

from ci.changes import handed, resource
from ci.changes.resource import ACTIONS, OF_STATE, Action, ResourceChange
from ci.changes.saved import PlanStore, SavedPlan, SavedStack, code
from ci.manifest import Stack
from ci.platform_run import PlatformRun, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.state import NEVER_DEPLOYED
from ci.synthesis import synthesize
from ci.undeclared import UndeclaredStack, undeclared


class Changes(Result):
    """How many resources would be created, updated in place, replaced, destroyed; moved, imported, forgotten."""

    model_config = ConfigDict(serialize_by_alias=True)

    create: int = 0
    update: int = 0
    replace: int = 0
    destroy: int = 0
    move: int = 0
    # Python keeps the word for itself.
    import_: int = Field(default=0, alias="import")
    forget: int = 0

    @property
    def counts(self) -> dict[Action, int]:
        """Action → how many."""
        return {action: getattr(self, "import_" if action == "import" else action) for action in ACTIONS}

    @property
    def shown(self) -> tuple[Action, ...]:
        """What a reader is told of: always what changes AWS, and of the rest what there is."""
        return tuple(action for action, count in self.counts.items() if count or action not in OF_STATE)

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(self.counts.values())


class StackPlan(Changes):
    """The changes of one stack, with each of them in Terraform's order."""

    # The stacks that it reads from, and of them those whose outputs change with the same deploy.
    after: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    resources: int
    changes: tuple[ResourceChange, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether nothing that it reads changes before its turn: the plan is then what Terraform will do."""
        return not self.awaits


class PlanResult(Result):
    """What a deploy would do now."""

    environment: str
    stacks: dict[str, StackPlan]
    summary: Changes
    # What stands and is declared no more: a deploy leaves it alone.
    undeclared: tuple[UndeclaredStack, ...] = ()
    # The hash of the saved plan, where one was asked for.
    saved: str | None = None

    @property
    def losses(self) -> dict[str, list[ResourceChange]]:
        """Stack → what is replaced or destroyed in it with all that it holds."""
        return resource.lost({name: plan.changes for name, plan in self.stacks.items()})


def plan(site: Site, *, save: bool = False, progress: Progress = QUIET) -> PlanResult:
    """Compare every stack with what is deployed, each with what those before it will hand to it.

    Where that is not known before the deploy it is unknown to Terraform too (ci/changes/handed.py), so that every
    resource is planned, also before the first deploy. With `save` it is kept for a deploy of exactly this. Raises
    `StacksError` with Terraform's findings.
    """
    with platform_run(site, "plan", progress) as run, TemporaryDirectory(prefix="groundplan-") as folder:
        stacks = synthesize(site.environment, site.workspace)
        run.state.ensure_bucket()
        planner = Planner(run, stacks, Path(folder))
        shown = run.each(stacks, planner.step, needs={stack.id: stack.dependencies for stack in stacks})
        if error := failure(f"plan of {site.name!r}", shown):
            raise error
        stray = undeclared(run.state, site.name, stacks)
        saved = planner.save(site) if save else None
    plans = {stack.id: planner.plans[stack.id] for stack in stacks}
    return PlanResult(environment=site.name, stacks=plans, summary=_sum(plans), undeclared=stray, saved=saved)


class Planner:
    """Plans stacks, each after those that it reads from; keeps the plans' files in `folder`."""

    def __init__(self, run: PlatformRun, stacks: Sequence[Stack], folder: Path) -> None:
        self._run, self._folder = run, folder
        self._stacks = {stack.id: stack for stack in stacks}
        # Of the stacks whose outputs change: what they will be.
        self._handed: dict[str, handed.Handed] = {}
        self.plans: dict[str, StackPlan] = {}
        self._versions: dict[str, str] = {}

    def file(self, stack: Stack) -> Path:
        """Return where Terraform writes the plan of a stack."""
        return self._folder / f"{stack.id}.tfplan"

    def step(self, stack: Stack, shown: StackProgress) -> bool:
        """Plan one stack; tell whether that went well."""
        inputs = {name: self._handed[name] for name in stack.dependencies & self._handed.keys()}
        place = handed.with_inputs(stack, inputs, self._stacks, self._folder) if inputs else stack
        # Before Terraform reads it: a change in between makes the plan stale, and never passes for planned.
        self._versions[stack.id] = self._run.state.version(stack)
        if not self._run.runner.plan(place, shown, file=self.file(stack)):
            return False
        changes = resource.of_events(shown.changes)
        hands_on = any(action != "noop" for action in shown.outputs.values())
        if all(change.action == "create" for change in changes) and self._versions[stack.id] == NEVER_DEPLOYED:
            # The first deploy makes all of it: there is nothing to compare, and reading the plan takes seconds.
            self._handed[stack.id] = handed.all_unknown(stack)
        elif hands_on or any(change.action != "create" for change in changes):
            document = self._run.runner.read_plan(place, self.file(stack))
            changes = resource.of_plan(document)
            if hands_on:
                self._handed[stack.id] = handed.of_plan(document)
        self.plans[stack.id] = StackPlan(
            **_count(changes),
            after=tuple(sorted(stack.dependencies)),
            awaits=tuple(sorted(inputs)),
            resources=stack.resources,
            changes=changes,
        )
        return True

    def save(self, site: Site) -> str:
        """Keep all that was planned for a deploy of exactly that, and return its hash."""
        files = {name: self.file(stack) for name, stack in self._stacks.items()}
        saved = SavedPlan(
            environment=site.name,
            made_at=datetime.now(UTC),
            stacks={
                name: SavedStack(
                    code=code(self._stacks[name]),
                    state=self._versions[name],
                    plan=hashlib.sha256(file.read_bytes()).hexdigest(),
                    exact=self.plans[name].exact,
                    applies=bool(self.plans[name].total) or name in self._handed,
                    changes=tuple(map(str, self.plans[name].changes)),
                )
                for name, file in files.items()
            },
        )
        return PlanStore(site).save(saved, files)


def _count(changes: Sequence[ResourceChange]) -> dict[Action, int]:
    return {action: sum(change.action == action for change in changes) for action in ACTIONS}


def _sum(plans: dict[str, StackPlan]) -> Changes:
    return Changes(**{action: sum(plan.counts[action] for plan in plans.values()) for action in ACTIONS})
