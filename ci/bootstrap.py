"""Makes what an environment stands on before its first deploy, and keeps the state of that in what it made.

The bucket cannot hold a state before it exists. So the first run works on a state in a file, and moves it into the
bucket at its end; a run that was stopped in between finds the file and goes on with it.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ci.errors import CommandError, StacksError
from ci.github_gates import commands
from ci.manifest import Stack
from ci.platform_run import PlatformRun, failure, platform_run
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.synthesis import synthesize_bootstrap
from infra.naming import Names
from infra.spec import Environment

BUCKET = "aws_s3_bucket.states"


class BootstrapResult(Result):
    """What an environment stands on now. `roles` are those that its workflows take, by what they are for.

    `on_github` are the commands by which an administrator of the repository makes who approves what.
    """

    environment: str
    seconds: float
    resources: int
    changed: int
    state_bucket: str
    roles: dict[str, str]
    on_github: tuple[str, ...] = ()


class WorkflowRoles(Result):
    """The roles that plan, deploy and end what is over, the one of previews, and the region where they sign in."""

    plan: str
    deploy: str
    reap: str
    preview: str | None = None
    region: str


def bootstrap(site: Site, *, progress: Progress = QUIET) -> BootstrapResult:
    """Make the state bucket, and roles for workflows, or bring them to what the environment's file says.

    A bucket of that name that is there already is taken over. Raises `StacksError` with Terraform's findings.
    """
    began = time.monotonic()
    with platform_run(site, "bootstrap", progress) as run:
        stack = synthesize_bootstrap(site.environment, site.workspace)
        if run.state.resources(stack) is not None:
            shown = _apply(run, stack)
        else:
            with _state_in_a_file(run, stack), _adopted_bucket(run, stack, site):
                shown = _apply(run, stack)
            _move_state(run, stack)
    return _result(site, stack, shown, began, on_github=commands(site.environment))


def remove(site: Site, *, progress: Progress = QUIET) -> BootstrapResult:
    """Take down what `bootstrap` made; raise `CommandError` while the environment is guarded or deployed."""
    began = time.monotonic()
    with platform_run(site, "bootstrap --remove", progress) as run:
        stack = synthesize_bootstrap(site.environment, site.workspace)
        _refuse_if_needed(run, stack, site)
        if run.state.resources(stack) is not None:
            with _state_in_a_file(run, stack):
                _init(run, stack, "-migrate-state", "-force-copy")
        run.state.empty()
        with _state_in_a_file(run, stack) as file:
            shown = _apply(run, stack, destroy=True)
            file.unlink(missing_ok=True)
    return _result(site, stack, shown, began)


def _apply(run: PlatformRun, stack: Stack, *, destroy: bool = False) -> StackProgress:
    # What it was prepared for last may have been the other place of its state.
    (stack.folder / ".terraform" / "groundplan").unlink(missing_ok=True)
    (shown,) = run.each([stack], partial(run.runner.apply, destroy=destroy), needs={stack.id: frozenset()})
    if error := failure("bootstrap", [shown]):
        raise error
    return shown


@contextmanager
def _state_in_a_file(run: PlatformRun, stack: Stack) -> Iterator[Path]:
    """Let the state lie in a file, whatever the stack's JSON says, for as long as the context is open."""
    override, file = stack.folder / "backend_override.tf.json", stack.folder / "bootstrap.tfstate"
    override.write_text(json.dumps({"terraform": {"backend": {"local": {"path": str(file)}}}}))
    try:
        yield file
    finally:
        override.unlink()


@contextmanager
def _adopted_bucket(run: PlatformRun, stack: Stack, site: Site) -> Iterator[None]:
    """Take over a state bucket that somebody made by hand."""
    file, state = stack.folder / "adopt.tf.json", stack.folder / "bootstrap.tfstate"
    known = state.exists() and any(
        f"{block['type']}.{block['name']}" == BUCKET for block in json.loads(state.read_text())["resources"]
    )
    if run.state.exists and not known:
        bucket = site.environment.state.bucket
        run.progress.say(f"{stack.id}: the bucket {bucket} is there already; taking it over.")
        file.write_text(json.dumps({"import": [{"to": BUCKET, "id": bucket}]}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _move_state(run: PlatformRun, stack: Stack) -> None:
    _init(run, stack, "-migrate-state", "-force-copy")
    if not run.state.resources(stack):
        raise CommandError(
            thing=stack.id,
            value=f"its state in {stack.folder}",
            rule="did not arrive in the bucket",
            fix="run the same command again",
        )
    run.progress.say(f"{stack.id}: its state is kept in the bucket from now on.")
    for file in stack.folder.glob("bootstrap.tfstate*"):
        file.unlink()


def _init(run: PlatformRun, stack: Stack, *flags: str) -> None:
    said: list[str] = []
    if run.terraform.run(stack, "init", "-input=false", "-no-color", *flags, watch=said.append) != 0:
        raise StacksError(thing=stack.id, value="terraform init", rule="failed", fix="mend what it names", details=said)


def _refuse_if_needed(run: PlatformRun, stack: Stack, site: Site) -> None:
    thing, undo = f"environment {site.name!r}", f"groundplan destroy {site.name}"
    if site.environment.guarded:
        rule, fix = "keeps what it stands on", "set it to False and run bootstrap once more, then try again"
        raise CommandError(thing=thing, value="guarded=True", rule=rule, fix=fix)
    if run.state.exists and (others := run.state.others(stack)):
        rule = "are states of stacks that still stand, or empty ones that were never removed"
        raise CommandError(thing=thing, value=", ".join(others), rule=rule, fix=f"run first: {undo}")


def workflow_roles(environment: Environment) -> WorkflowRoles:
    """Return the roles that `bootstrap` made for an environment's workflows; raise where none deploys it."""
    if environment.github is None:
        raise CommandError(
            thing=f"environment {environment.name!r}",
            value="github=None",
            rule="names no repository whose workflows may sign in",
            fix="give it github=GithubSpec(repository=…), then: groundplan bootstrap " + environment.name,
        )
    region = environment.state.region
    names = Names.of(environment, region)
    arns = {
        purpose: f"arn:aws:iam::{names.account_id}:role/{names.role(purpose)}"
        for purpose in ("plan", "deploy", "reap", "preview")
    }
    if not environment.preview:
        del arns["preview"]
    return WorkflowRoles(**arns, region=region)


def _result(
    site: Site, stack: Stack, shown: StackProgress, began: float, on_github: tuple[str, ...] = ()
) -> BootstrapResult:
    github = site.environment.github
    roles = workflow_roles(site.environment).model_dump(exclude={"region"}, exclude_none=True) if github else {}
    return BootstrapResult(
        environment=site.name,
        seconds=round(time.monotonic() - began, 2),
        resources=stack.resources,
        changed=sum(shown.planned.values()),
        state_bucket=site.environment.state.bucket,
        roles=roles,
        on_github=on_github,
    )
