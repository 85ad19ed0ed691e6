"""Tells what a deploy would change, stack by stack, before anything is touched."""

from collections.abc import Sequence
from typing import Literal

from ci.manifest import Stack
from ci.platform_run import PlatformRun, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.synthesis import synthesize


class Changes(Result):
    """How many resources would be created, updated in place, replaced and destroyed."""

    create: int = 0
    update: int = 0
    replace: int = 0
    destroy: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.create + self.update + self.replace + self.destroy


class StackPlan(Changes):
    """The changes of one stack; not exact where they were counted without what an undeployed stack will hand over."""

    exact: bool
    # "update aws_s3_bucket.data", in Terraform's order; none where the stack could not be planned.
    changes: tuple[str, ...] = ()


class PlanResult(Result):
    """What a deploy would do now."""

    environment: str
    stacks: dict[str, StackPlan]
    summary: Changes


def plan(site: Site, *, progress: Progress = QUIET) -> PlanResult:
    """Compare every stack with what is deployed.

    A stack that reads outputs of one which was never deployed cannot be planned by Terraform alone: all that it
    declares counts as `create`. Raises `StacksError` with Terraform's findings.
    """
    with platform_run(site, "plan", progress) as run:
        stacks = synthesize(site.environment, site.workspace)
        run.state.ensure_bucket()
        plannable = _plannable(run, stacks)
        shown = run.each(plannable, run.runner.plan, needs=dict.fromkeys((s.id for s in plannable), frozenset()))
        if error := failure(f"plan of {site.name!r}", shown):
            raise error
    plans = _plans(stacks, {progress.stack: progress for progress in shown})
    return PlanResult(environment=site.name, stacks=plans, summary=_sum(plans))


def _plannable(run: PlatformRun, stacks: Sequence[Stack]) -> list[Stack]:
    deployed = {stack.id for stack in stacks if run.state.resources(stack) is not None}
    return [stack for stack in stacks if stack.dependencies <= deployed]


def _plans(stacks: Sequence[Stack], shown: dict[str, StackProgress]) -> dict[str, StackPlan]:
    plans: dict[str, StackPlan] = {}
    for stack in stacks:
        if stack.id in shown:
            planned = shown[stack.id].planned
            # What a changing stack hands over may change too.
            settled = all(plans[name].total == 0 for name in stack.dependencies)
            plans[stack.id] = StackPlan(
                create=planned["create"],
                update=planned["update"],
                replace=planned["replace"],
                destroy=planned["delete"],
                exact=settled,
                changes=tuple(shown[stack.id].changes),
            )
        else:
            plans[stack.id] = StackPlan(create=stack.resources, exact=False)
    return plans


def _sum(plans: dict[str, StackPlan]) -> Changes:
    kinds: tuple[Literal["create", "update", "replace", "destroy"], ...] = ("create", "update", "replace", "destroy")
    return Changes(**{kind: sum(getattr(plan, kind) for plan in plans.values()) for kind in kinds})
