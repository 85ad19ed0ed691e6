"""One run over all stacks of an environment: the lock, Terraform, and every stack in its turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ci.aftermath import Aftermath
from ci.errors import MissingToolError, StacksError
from ci.manifest import Stack
from ci.progress import Progress
from ci.provider_mirror import write_configuration
from ci.run_lock import hold
from ci.schedule import Task, run_all
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.stack_runner import StackRunner, cores
from ci.state import StateStore
from ci.terraform import Terraform
from ci.tools import check_version, find_terraform
from ci.waits import expected_seconds
from infra.spec import Environment

Step = Callable[[Stack, StackProgress], bool]


@dataclass(frozen=True)
class PlatformRun:
    """A held environment and what works on its stacks."""

    terraform: Terraform
    runner: StackRunner
    state: StateStore
    progress: Progress

    def each(self, stacks: Sequence[Stack], step: Step, *, needs: Mapping[str, frozenset[str]]) -> list[StackProgress]:
        """Take every stack through `step` once those that it `needs` are through, and return how each went.

        Raises KeyboardInterrupt after a Ctrl-C, once Terraform has saved what it did.
        """
        shown = {stack.id: StackProgress(stack.id) for stack in stacks}
        tasks: dict[str, Task] = {}
        first = next((stack for stack in stacks if not self.runner.shares_lock_file(stack)), None)
        for stack in stacks:
            learner: frozenset[str] = (
                frozenset() if first is None or stack is first else frozenset({f"init {first.id}"})
            )
            view = shown[stack.id]
            tasks[f"init {stack.id}"] = Task(learner, partial(self.runner.prepare, stack, view))
            ready = needs[stack.id] | {f"init {stack.id}"}
            tasks[stack.id] = Task(
                ready, partial(step, stack, view), partial(self.runner.skip, view), expected_seconds(stack.types)
            )
        with self.progress.follow(list(shown.values())):
            # A stack waits for AWS for half of its time, so one more than processors; with two more those that others
            # wait for lose as much as is won (78, 79, 86, 86 s with 2, 3, 4, 6 on two processors).
            run_all(tasks, workers=cores() + 1, interrupt=self.terraform.interrupt)
        return list(shown.values())


@contextmanager
def platform_run(site: Site, command: str, progress: Progress) -> Iterator[PlatformRun]:
    """Find the tools, then hold the environment for as long as the context is open."""
    site.check_credentials(command)
    program = find_terraform()
    folder = site.workspace.folder(site.name)
    variables = site.variables() | {"TF_CLI_CONFIG_FILE": str(write_configuration(site.workspace))}
    variables |= _payer_role(site.environment, reads=command in ("drift", "plan"))
    check_version(program, variables)
    with hold(folder, command, progress.say) as descriptor:
        terraform = Terraform(program, variables, folder / "events", descriptor)
        state = StateStore(site)
        aftermath = Aftermath(site, state, folder, progress.say)
        runner = StackRunner(terraform, aftermath, folder, progress, embedded=site.endpoint_url is not None)
        yield PlatformRun(terraform, runner, state, progress)


def _payer_role(environment: Environment, *, reads: bool) -> dict[str, str]:
    """The role in the payer account, as a variable (infra/toolkit.py): set for a plan, it is set for its apply too."""
    payer = environment.budget.payer
    role = payer and (payer.reader_arn if reads else payer.role_arn)
    return {"TF_VAR_payer_role": role} if role else {}


def failure(command: str, shown: Sequence[StackProgress]) -> StacksError | MissingToolError | None:
    """Return the error that tells which stacks failed, why, and which were left alone; None when all is well."""
    failed = [stack for stack in shown if stack.state == "failed"]
    if not failed:
        return None
    said = "\n".join(complaint for stack in failed for complaint in stack.complaints)
    if "Failed to query available provider packages" in said or "Failed to install provider" in said:
        return MissingToolError(
            thing="AWS provider",
            value="no local mirror, and the public registry",
            rule="could not give it",
            fix="check the network, or name a mirror: --provider-mirror FOLDER or GROUNDPLAN_PROVIDER_MIRROR",
        )
    details = [f"{stack.stack}: {complaint}" for stack in failed for complaint in stack.complaints]
    details += [f"{stack.stack}: left alone, it depends on what failed" for stack in shown if stack.state == "skipped"]
    return StacksError(
        thing=command,
        value=", ".join(stack.stack for stack in failed),
        rule="failed",
        fix="mend what Terraform names and run it again; what was made is kept",
        details=details,
    )
