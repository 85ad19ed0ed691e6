"""Takes an environment down: what releases, jobs and devices made, then each stack before those that it reads from."""

import shutil
import time
from collections.abc import Collection, Sequence

import environments
from ci.changes.consent import check_names
from ci.device_leftovers import remove_what_devices_registered
from ci.inventory import Resource, inventory
from ci.kept_contents import check_empty
from ci.leftovers import remove_what_releases_made
from ci.manifest import Stack
from ci.platform_run import Step, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.resume import reverse_actions
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.stack_runner import StackRunner
from ci.state import StateStore
from ci.synthesis import synthesize
from ci.undeclared import Remains, UndeclaredStack, chosen, emptied, endable, losses, remains, undeclared


class DestroyResult(Result):
    """A destroy that went well. `orphans` is what still exists afterwards, as far as it cannot be another's."""

    environment: str
    seconds: float
    resources: int
    stack_seconds: dict[str, float]
    released_removed: int
    devices_removed: int
    orphans: tuple[Resource, ...]
    # What stands and is declared no more: it was left as it is.
    undeclared: tuple[UndeclaredStack, ...] = ()


def destroy(site: Site, *, progress: Progress = QUIET) -> DestroyResult:
    """Remove everything that was deployed or released; a guarded environment keeps its data and Terraform says so.

    What no code declares any more is told and stays. Of a preview it goes along: nobody keeps anything there, and the
    code at hand is often not the pull request's.
    Raises `StacksError` like a deploy. A second run goes on where the first was stopped.
    """
    began = time.monotonic()
    with platform_run(site, "destroy", progress) as run:
        stacks = synthesize(site.environment, site.workspace)
        run.state.ensure_bucket()
        standing = {stack.id: count for stack in stacks if (count := run.state.resources(stack))}
        found = remains(run.state, site.name, stacks) if environments.is_preview(site.name) else []
        along = endable(found, stacks)
        emptied_stacks = emptied(site, along, stacks)
        doomed = [*(stack for stack in stacks if stack.id in standing), *emptied_stacks]
        removed = remove_what_releases_made(site, progress)
        devices = remove_what_devices_registered(site, progress)
        more = _remove_what_they_left(site, along, found, progress)
        reverse_actions(site)
        shown = run.each(doomed, _destroying(run.runner), needs=_dependents(doomed))
        if error := failure(f"destroy of {site.name!r}", shown):
            raise error
        for stack in stacks:
            run.state.forget(stack)
        _forget(run.state, emptied_stacks)
        # An embedded cloud tells nothing of whose a thing is; an account does, by its tags.
        alone = site.endpoint_url is None or not run.state.is_shared
        # Their states are all that still knows of them.
        stray = undeclared(run.state, site.name, stacks)
        if not stray:
            run.state.remove_bucket()
    return DestroyResult(
        environment=site.name,
        seconds=round(time.monotonic() - began, 2),
        resources=sum(standing.values()) + sum(one.told.resources for one in along),
        stack_seconds={progress.stack: round(progress.seconds, 2) for progress in shown},
        released_removed=removed + more[0],
        devices_removed=devices + more[1],
        orphans=inventory(site).resources if alone else (),
        undeclared=stray,
    )


def destroy_undeclared(
    site: Site, named: Collection[str], *, may_lose: Collection[str] = (), progress: Progress = QUIET
) -> DestroyResult:
    """Remove what stands in the stacks `named`, which no code declares any more; all else stays.

    Raises before anything is touched: `CommandError` where one is declared, or hands values to what would stay, or
    holds a guarded bucket or image repository that is not empty; `LossError` where data goes that `may_lose` does not
    name as STACK:ADDRESS.
    Later, `StacksError` like a deploy.
    """
    began = time.monotonic()
    with platform_run(site, "destroy", progress) as run:
        stacks = synthesize(site.environment, site.workspace)
        found = remains(run.state, site.name, stacks)
        doomed = chosen(site.name, found, named)
        check_names(site.name, losses(doomed), may_lose, command="destroy")
        check_empty(site, doomed)
        emptied_stacks = emptied(site, doomed, stacks)
        removed, devices = _remove_what_they_left(site, doomed, found, progress)
        shown = run.each(emptied_stacks, _destroying(run.runner), needs=_dependents(emptied_stacks))
        if error := failure(f"destroy of {site.name!r}", shown):
            raise error
        _forget(run.state, emptied_stacks)
    return DestroyResult(
        environment=site.name,
        seconds=round(time.monotonic() - began, 2),
        resources=sum(one.told.resources for one in doomed),
        stack_seconds={progress.stack: round(progress.seconds, 2) for progress in shown},
        released_removed=removed,
        devices_removed=devices,
        orphans=(),
    )


def _remove_what_they_left(
    site: Site, doomed: Sequence[Remains], found: Sequence[Remains], progress: Progress
) -> tuple[int, int]:
    """Remove what undeclared stacks had beside Terraform; return how much releases made, and how many devices."""
    # Where nothing is left that may need them.
    regions = {one.told.region for one in doomed} - {region.name for region in site.environment.regions}
    regions -= {one.told.region for one in found if one not in doomed}
    removed = remove_what_releases_made(site, progress, regions=sorted(regions))
    fleets = [(one.told.region, fleet) for one in doomed for fleet in one.fleets]
    return removed, remove_what_devices_registered(site, progress, fleets=fleets)


def _forget(state: StateStore, emptied_stacks: Sequence[Stack]) -> None:
    for stack in emptied_stacks:
        state.forget(stack)
        shutil.rmtree(stack.folder)


def _destroying(runner: StackRunner) -> Step:
    def step(stack: Stack, shown: StackProgress) -> bool:
        return runner.apply(stack, shown, destroy=True)

    return step


def _dependents(stacks: Sequence[Stack]) -> dict[str, frozenset[str]]:
    """Return, for each stack, those that read its outputs and so must go before it."""
    return {stack.id: frozenset(other.id for other in stacks if stack.id in other.dependencies) for stack in stacks}
