"""What stops a command, on the tree that `infra.spec.errors` draws.

GroundplanError
└── CommandError                what the user asked for cannot be done now: exit 2
    ├── MissingToolError        no Terraform, no Node, no AWS provider (ci/tools.py)
    ├── StoppedCloudError       the embedded cloud of an environment is not there (ci/site.py)
    ├── NoAnswerError           nobody answers at an endpoint of AWS's, and who asked does not wait (ci/patience.py)
    ├── BusyError               another run is at work on the environment (ci/run_lock.py)
    ├── NotDeployedError        a stack has not published its contract yet (ci/contracts.py)
    ├── StalePlanError          a saved plan is not what a deploy would do now (ci/changes/saved.py)
    ├── LossError               a plan loses contents, and nobody said yes to that (ci/changes/consent.py)
    └── WorkError               it began and did not end well: exit 1
        ├── StacksError         Terraform refused one or more stacks (ci/platform_run.py)
        ├── JobError            a training or optimization job failed (ci/jobs.py)
        └── GateError           a version may not be released: its figures, its bundle (ci/gate.py, ci/admission.py)
"""

from collections.abc import Sequence

from infra.spec.errors import GroundplanError


class CommandError(GroundplanError):
    """Something about the request or this machine that the user can mend."""

    exit_code = 2


class MissingToolError(CommandError):
    """A program that the command starts is not on this machine."""


class StoppedCloudError(CommandError):
    """An environment lives on an embedded cloud that does not run."""


class NoAnswerError(CommandError):
    """Nobody answered at an endpoint of AWS's in the time that there was."""


class BusyError(CommandError):
    """Two runs would work on the same environment's state."""


class NotDeployedError(CommandError):
    """The environment, or a part of it, has not been deployed."""


class StalePlanError(CommandError):
    """State, code or the plan itself are not what they were when the plan was made."""


class LossError(CommandError):
    """What holds data would be destroyed, and nobody said that it may."""


class WorkError(CommandError):
    """The request was sound, the work failed; `details` are lines that show where, such as a log's tail."""

    exit_code = 1

    def __init__(self, *, thing: str, value: str, rule: str, fix: str, details: Sequence[str] = ()) -> None:
        super().__init__(thing=thing, value=value, rule=rule, fix=fix)
        self.details = tuple(details)
        for line in self.details:
            self.add_note(line)


class StacksError(WorkError):
    """Terraform refused stacks; those that depend on them were left alone."""


class JobError(WorkError):
    """A job on the platform ended in another state than it should have."""


class GateError(WorkError):
    """A release was refused: by the model's figures, by a bundle that was tampered with, or by somebody's decision."""
