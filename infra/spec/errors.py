"""What goes wrong, as a reader of a terminal needs it: the thing, its value, the rule and the fix.

    GroundplanError
    ├── SpecError          an environment file breaks rules; holds every problem of the file
    ├── NamingError        a physical name does not fit what AWS takes
    ├── ToolkitError       the stacks cannot be built: two resources at one address, no Node
    ├── CloudError         the embedded cloud cannot be started or stopped (infra/localcloud/record.py)
    └── CommandError       what was asked of the command cannot be done (ci/errors.py draws its branches)

The command prints any of these without a traceback and exits 2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One broken rule: ``gpu pool 'big': min_nodes=3 is above max_nodes=2; raise max_nodes or lower min_nodes``."""

    thing: str
    value: str
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"{self.thing}: {self.value} {self.rule}; {self.fix}"


class GroundplanError(Exception):
    """Something that the user can mend, said in four parts."""

    def __init__(self, *, thing: str, value: str, rule: str, fix: str) -> None:
        self.thing, self.value, self.rule, self.fix = thing, value, rule, fix
        super().__init__(str(Problem(thing, value, rule, fix)))


class SpecError(GroundplanError):
    """Every problem of one word or one environment file; ``str()`` has one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(thing=first.thing, value=first.value, rule=first.rule, fix=first.fix)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def nearest(word: str, choices: Iterable[str], *, otherwise: str) -> str:
    """Return ``did you mean 'a' or 'b'?`` for the choices most like `word`, or `otherwise` when none is."""
    close = get_close_matches(word, list(choices), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else otherwise


class NamingError(GroundplanError):
    """A physical name is longer than AWS takes, or holds what AWS refuses."""


class ToolkitError(GroundplanError):
    """The stacks cannot be built."""
