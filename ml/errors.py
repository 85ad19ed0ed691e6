"""What can go wrong, in one tree.

MlError                 thing, value, rule, fix; the command prints it without a traceback and exits 2
├── InputError          a hyperparameter, channel or file that a job was given
├── DataError           a data set that cannot be fetched, or is not what its manifest says
├── CheckpointError     checkpoints that are there or not, and nobody can say which
├── BundleError         a bundle that is damaged, unsigned or signed by somebody else
├── ParityError         an optimized model that does not answer as the one it was made from: exit 1
├── GateError           an optimized model that its recipe's gates refuse: exit 1, the request was sound
├── RequestError        a request that the model server refuses, with its HTTP status
└── StoppedError        the platform asked the job to stop, and it did: no failure, exit code 143
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar, Self

# Of a name that is looked for inside of others; fewer letters are in too many.
LEAST_OF_A_NAME = 3


class MlError(Exception):
    """An error that its reader can mend: what thing, which value, which rule it breaks, what to do."""

    exit_code: ClassVar[int] = 2

    def __init__(self, thing: str, value: object, rule: str, fix: str) -> None:
        self.thing, self.value, self.rule, self.fix = thing, value, rule, fix
        super().__init__(f"{thing}: {value} {rule}; {fix}")

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Let it travel between processes, as from a worker of Ray."""
        return type(self), (self.thing, self.value, self.rule, self.fix)


class InputError(MlError):
    """A job's input (hyperparameter, channel, file) breaks a rule."""


class DataError(MlError):
    """A data set cannot be fetched, or differs from its manifest."""


class CheckpointError(MlError):
    """A run cannot see whether it has checkpoints."""


class BundleError(MlError):
    """A bundle must not be served: damaged, unsigned or signed with another key."""


class ParityError(MlError):
    """An optimized model's answers are too far from those of what it was made from."""

    exit_code = 1


class GateError(MlError):
    """An optimized model is too slow, too large or not right often enough for its recipe."""

    exit_code = 1


class RequestError(MlError):
    """A request that the model server refuses."""

    def __init__(
        self, status: int, thing: str, value: object, rule: str, fix: str, retry_seconds: int | None = None
    ) -> None:
        super().__init__(thing, value, rule, fix)
        self.status, self.retry_seconds = status, retry_seconds

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.status, self.thing, self.value, self.rule, self.fix, self.retry_seconds)


class StoppedError(MlError):
    """The job stopped because it was asked to (SIGTERM); 143 is what a shell reports for that signal."""

    exit_code = 143


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a fix that offers the names nearest to a misspelt or shortened one, or all of them."""
    known = sorted(known)
    if not known:
        return "there is none to choose from"
    close = [one for one in known if name == _initials(one)] or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close = close or [one for one in known if len(name) >= LEAST_OF_A_NAME and name in one]
    *others, last = map(repr, close or known)
    return f"use {', '.join(others)} or {last}" if others else f"use {last}"


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))
