"""Runs one training on machines of its own: looks for them place after place, trains, and ends them whatever happens.

Pulumi's Automation API drives its engine, which users install beside it; `engine` stands in for that in tests. State
lies in the environment's artifact bucket, so that a burst whose launcher died can be ended from elsewhere.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ci.burst.plans import Order, Plan, plans
from ci.burst.program import program
from ci.burst.remains import reap
from ci.burst.stop import Stop
from ci.contracts import training_contract
from ci.errors import CommandError, MissingToolError, WorkError
from ci.known_jobs import BATCH
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.train import TrainResult, train
from infra.spec import AwsAccount

if TYPE_CHECKING:
    from pulumi.automation import PulumiCommand, Stack

# What EC2 says where it has none, and where a zone never has that type. A quota is everywhere the same.
NO_CAPACITY = ("InsufficientInstanceCapacity", "InsufficientCapacity", "Unsupported", "InvalidInstanceType")


class Try(Result):
    """A place where machines were looked for, and what came of it."""

    instance_type: str
    zone: str
    usd_per_hour: float
    outcome: str
    seconds: float


class BurstResult(Result):
    """A burst that trained and is gone; `usd` is what its machines cost on demand from their hold to their end."""

    burst: str
    tries: tuple[Try, ...]
    usd: float
    trained: TrainResult


def burst(
    site: Site,
    model: str,
    *,
    order: Order,
    recipe: str,
    changes: Mapping[str, str] | None = None,
    engine: "PulumiCommand | None" = None,
    progress: Progress = QUIET,
) -> BurstResult:
    """Train `model` on machines that are made for it, and return when they are gone.

    Raises `WorkError` where no place has any, or where they could not be ended; `JobError` as `train` does.
    """
    _check_sign_in(site)
    tries: list[Try] = []
    with Stop() as stop:
        with stop.at_once():
            places = plans(site, order)
        for plan in places:
            where, began = f"{plan.instance_type} in {plan.zone}", time.monotonic()
            until = f"until {plan.ends_at:%H:%M} UTC"
            progress.say(f"Burst {plan.name}: {where}, ${plan.usd_per_hour:.2f} an hour, {until} …")
            on = f"{BATCH}:{plan.name}"
            work = partial(train, site, model, recipe=recipe, changes=changes, on=on, progress=progress)
            trained = _at(site, plan, engine, stop, work, progress)
            tries.append(_told(plan, "trained" if trained else "no capacity", time.monotonic() - began))
            if trained:
                usd = round(plan.usd_per_hour * tries[-1].seconds / 3600, 6)
                return BurstResult(burst=plan.name, tries=tuple(tries), usd=usd, trained=trained)
            progress.say(f"No capacity: {where}.")
            stop.check()
    raise WorkError(
        thing="burst",
        value=f"{len(tries)} places",
        rule="have no capacity now; nothing is left of it",
        fix="name more --types, allow more dollars, or try again later",
        details=[f"{one.instance_type} in {one.zone}" for one in tries],
    )


def _told(plan: Plan, outcome: str, seconds: float) -> Try:
    return Try(
        instance_type=plan.instance_type,
        zone=plan.zone,
        usd_per_hour=plan.usd_per_hour,
        outcome=outcome,
        seconds=round(seconds, 2),
    )


def _at(
    site: Site,
    plan: Plan,
    engine: "PulumiCommand | None",
    stop: Stop,
    work: Callable[[], TrainResult],
    progress: Progress,
) -> TrainResult | None:
    """Make what `plan` names, do the work on it and end it, whatever happens; None where EC2 has no such machines."""
    stack, made = _stack(site, plan, engine, stop), False
    try:
        made = _made(stack, plan)
        if not made:
            return None
        with stop.at_once():
            return work()
    finally:
        with stop.not_now():
            _end(site, stack, plan, made, progress)


def _made(stack: "Stack", plan: Plan) -> bool:
    """Make what `plan` names; False where EC2 has no such machines."""
    from pulumi.automation.errors import CommandError as PulumiError

    try:
        stack.up()
    except PulumiError as error:
        if any(word in str(error) for word in NO_CAPACITY):
            return False
        fix = "mend what it names; nothing is left of the burst"
        details = str(error).strip().splitlines()[-15:]
        raise WorkError(
            thing=f"burst {plan.name}", value="pulumi up", rule="failed", fix=fix, details=details
        ) from error
    return True


def _end(site: Site, stack: "Stack", plan: Plan, made: bool, progress: Progress) -> None:
    """Destroy all of a burst and forget its stack; what the engine cannot, or does not know of, goes without it."""
    told, trouble = _Undisturbed(progress), None
    told.say(f"Ending all of burst {plan.name}, and nothing stops that …")
    try:
        stack.destroy(remove=True)
    except Exception as error:  # Whatever its trouble is: what costs has to go.
        trouble = error
        told.say(f"Pulumi's engine does not end it ({_last_line(error)}); ending it without …")
    if trouble or not made:
        _end_without_engine(site, plan, trouble, told)
    if trouble:
        # An engine that was killed left its lock, and the stack names what is gone. Neither costs anything.
        for forget in (stack.cancel, partial(stack.workspace.remove_stack, stack.name, force=True)):
            with suppress(Exception):
                forget()
    told.say(f"Burst {plan.name} is gone.")


def _end_without_engine(site: Site, plan: Plan, trouble: Exception | None, progress: Progress) -> None:
    try:
        reap(site, only=plan.name, progress=progress)
    except WorkError as error:
        said = str(trouble).strip().splitlines()[-15:] if trouble else ()
        raise WorkError(
            thing=f"burst {plan.name}",
            value="its end",
            rule=f"failed; what is left costs until {plan.ends_at:%Y-%m-%d %H:%M} UTC",
            fix=f"groundplan burst reap {site.name} --now {plan.name}",
            details=[*error.details, *said],
        ) from error


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


class _Undisturbed(Progress):
    """Tells of a burst's end, to nobody where the terminal is closed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def say(self, line: str) -> None:
        with suppress(OSError):
            self._progress.say(line)


def _stack(site: Site, plan: Plan, engine: "PulumiCommand | None", stop: Stop) -> "Stack":
    try:
        from pulumi.automation import LocalWorkspaceOptions, ProjectBackend, ProjectSettings, create_or_select_stack
    except ModuleNotFoundError as error:
        fix = "install the extra: pip install --editable '.[burst]'"
        raise MissingToolError(thing="pulumi", value="no package of that name", rule="is installed", fix=fix) from error
    project = f"{site.environment.project}-bursts"
    bucket = training_contract(site).artifact_bucket
    backend = ProjectBackend(url=f"s3://{bucket}/bursts?region={site.home_region.name}&awssdk=v2")
    folder = site.workspace.folder(site.name) / "bursts"
    folder.mkdir(exist_ok=True)
    options = LocalWorkspaceOptions(
        # Left to itself, it makes a folder in TMPDIR for each burst and keeps it.
        work_dir=str(folder),
        project_settings=ProjectSettings(name=project, runtime="python", backend=backend),
        # No value of a burst is secret, and the bucket encrypts.
        env_vars={"PULUMI_CONFIG_PASSPHRASE": "", **_signed_in(site)},
        pulumi_command=engine or _engine(stop),
    )
    return create_or_select_stack(f"{site.name}-{plan.name}", project_name=project, program=program(plan), opts=options)


def _engine(stop: Stop) -> "PulumiCommand":
    from pulumi.automation.errors import InvalidVersionError

    from ci.burst.engine import Engine

    fix = "install Pulumi's engine, the program `pulumi`, version 3.181 or later"
    try:
        return Engine(lambda: stop.wanted)
    except FileNotFoundError as error:
        raise MissingToolError(thing="pulumi", value="no program of that name", rule="is on PATH", fix=fix) from error
    except (InvalidVersionError, subprocess.CalledProcessError) as error:
        # Ctrl-C at a terminal ends it while it is asked for its version.
        stop.check()
        raise MissingToolError(thing="pulumi", value=str(error), rule="is no engine to use", fix=fix) from error


def _signed_in(site: Site) -> dict[str, str]:
    return {name: value for name, value in site.variables().items() if name.startswith("AWS_")}


def _check_sign_in(site: Site) -> None:
    """The engine signs in as whoever calls it: it takes no role by itself."""
    target = site.environment.target
    if isinstance(target, AwsAccount) and target.role_arn:
        fix = "take that role before, for example with an AWS profile, and leave role_arn away"
        raise CommandError(thing="burst", value=f"role_arn={target.role_arn!r}", rule="is not taken by it", fix=fix)
    site.check_credentials("burst")
