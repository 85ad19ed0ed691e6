"""Rehearses an environment, whichever it is, on an embedded cloud of its own: deploy, plan again, destroy, look.

Nothing of the environment changes but where it lives and that it may be destroyed. Its account stays its own, for the
cloud takes that account's number; no credentials are needed and nothing leaves this machine. Buckets that others would
bring stand there before the deploy, and are gone before the look.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ci import embedded_cloud
from ci.bootstrap import bootstrap, remove
from ci.buckets import empty
from ci.deploy import DeployResult, deploy
from ci.destroy import DestroyResult, destroy
from ci.inventory import Resource, inventory
from ci.plan import PlanResult, plan
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.run_lock import hold
from ci.site import Site
from ci.state import REGION_WITHOUT_CONSTRAINT
from ci.workspace import Workspace
from infra.spec import EmbeddedCloud, Environment

# No environment's own cloud: it exists for as long as one rehearsal.
CLOUD = "rehearsal"


class StackRehearsal(Result):
    """How one stack went. `planned_again` is what a second plan wanted to change, and should be nothing."""

    stack: str
    resources: int
    apply_seconds: float
    planned_again: tuple[str, ...]
    destroy_seconds: float


class RehearsalResult(Result):
    """A rehearsal to the end; `orphans` is what the cloud still held after the destroy, and should be nothing."""

    environment: str
    regions: tuple[str, ...]
    resources: int
    seconds: float
    synth_seconds: float
    deploy_seconds: float
    plan_seconds: float
    destroy_seconds: float
    stacks: tuple[StackRehearsal, ...]
    orphans: tuple[Resource, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is not as it should be, one line each."""
        again = [f"{stack.stack}: planned again: {change}" for stack in self.stacks for change in stack.planned_again]
        return (*again, *(f"left: {left.service} {left.region} {left.type} {left.id}" for left in self.orphans))


def rehearsed(environment: Environment) -> Environment:
    """Return `environment` as it is rehearsed: on a cloud of this machine, and free to be destroyed."""
    return environment.model_copy(update={"target": EmbeddedCloud(name=CLOUD), "guarded": False})


def rehearse(
    environment: Environment, workspace: Workspace, *, ground: bool = False, progress: Progress = QUIET
) -> RehearsalResult:
    """Take every stack of `environment` from nothing to nothing with real Terraform, and report each step.

    With `ground`, what it stands on too, as `groundplan bootstrap` makes it. The cloud is stopped in the end whatever
    happens, and all that was made is gone with it. Raises `StacksError` like a deploy, `BusyError` when it is being
    rehearsed already.
    """
    began = time.monotonic()
    with stage(environment, workspace, progress) as site:
        with _brought(site):
            laid = [_lay(site, progress)] if ground else []
            progress.say(f"[1/3] Deploying {site.name} to {site.endpoint_url}")
            deployed = deploy(site, progress=progress)
            progress.say("[2/3] Planning again: there must be nothing to do")
            started = time.monotonic()
            planned = plan(site, progress=progress)
            plan_seconds = time.monotonic() - started
            progress.say("[3/3] Destroying, then looking for what is left")
            destroyed = destroy(site, progress=progress)
            grounds = tuple(_lift(site, stack, progress) for stack in laid)
        orphans = inventory(site).resources
    return RehearsalResult(
        environment=environment.name,
        regions=tuple(region.name for region in environment.regions),
        resources=deployed.resources,
        seconds=round(time.monotonic() - began, 2),
        synth_seconds=deployed.synth_seconds,
        deploy_seconds=deployed.seconds,
        plan_seconds=round(plan_seconds, 2),
        destroy_seconds=destroyed.seconds,
        stacks=(*grounds, *_stacks(deployed, planned, destroyed)),
        orphans=orphans,
    )


@contextmanager
def stage(environment: Environment, workspace: Workspace, progress: Progress) -> Iterator[Site]:
    """Hold the environment's rehearsal folder and give a site on a fresh cloud in it."""
    folder = workspace.home / "rehearsals" / environment.name
    folder.mkdir(parents=True, exist_ok=True)
    # The provider is hundreds of megabytes: one copy does for all.
    place = replace(workspace, home=folder, plugins=workspace.plugins)
    with hold(folder, "rehearse", progress.say):
        # Left by a rehearsal that was killed.
        embedded_cloud.stop(CLOUD, place)
        try:
            record = embedded_cloud.start(CLOUD, place, account_id=environment.account_id)
            yield Site(rehearsed(environment), place, record.url)
        finally:
            embedded_cloud.stop(CLOUD, place)


@contextmanager
def _brought(site: Site) -> Iterator[None]:
    """Let the buckets stand that others bring to the environment."""
    brought = [
        (site.client("s3", region.name), bucket) for region in site.environment.regions for bucket in region.brought
    ]
    unique = {bucket: s3 for s3, bucket in brought}
    for bucket, s3 in unique.items():
        where = s3.meta.region_name
        home = (
            {} if where == REGION_WITHOUT_CONSTRAINT else {"CreateBucketConfiguration": {"LocationConstraint": where}}
        )
        s3.create_bucket(Bucket=bucket, **home)
    yield
    for bucket, s3 in unique.items():
        empty(s3, bucket)
        s3.delete_bucket(Bucket=bucket)


def _lay(site: Site, progress: Progress) -> StackRehearsal:
    """Make what the environment stands on, and look whether a second run would change it."""
    progress.say("[0/3] Making what it stands on: the bucket of its state, and the roles of its workflows")
    made, again = bootstrap(site, progress=progress), bootstrap(site, progress=progress)
    return StackRehearsal(
        stack=f"{site.name}-bootstrap",
        resources=made.resources,
        apply_seconds=made.seconds,
        planned_again=(f"{again.changed} changes",) if again.changed else (),
        destroy_seconds=0.0,
    )


def _lift(site: Site, made: StackRehearsal, progress: Progress) -> StackRehearsal:
    """Take it down again, which is refused while any stack stands."""
    return made.model_copy(update={"destroy_seconds": remove(site, progress=progress).seconds})


def _stacks(deployed: DeployResult, planned: PlanResult, destroyed: DestroyResult) -> tuple[StackRehearsal, ...]:
    return tuple(
        StackRehearsal(
            stack=outcome.stack,
            resources=outcome.resources,
            apply_seconds=outcome.seconds,
            planned_again=tuple(map(str, planned.stacks[outcome.stack].changes)),
            destroy_seconds=destroyed.stack_seconds.get(outcome.stack, 0.0),
        )
        for outcome in deployed.stacks
    )
