"""Whether somebody said yes to what a plan would lose for good: by a label on a pull request, or by its name."""

from collections.abc import Collection, Mapping, Sequence

from ci.changes.resource import ResourceChange
from ci.errors import LossError

LABEL = "destroys-data"
Losses = Mapping[str, Sequence[ResourceChange]]


def check_labels(environment: str, losses: Losses, labels: Collection[str]) -> None:
    """Raise `LossError` where a plan loses contents and the pull request that brings it does not carry the label."""
    if losses and LABEL not in labels:
        raise _error(f"plan of {environment!r}", losses, f"give the pull request the label {LABEL!r}")


def check_names(environment: str, losses: Losses, named: Collection[str], *, command: str = "deploy") -> None:
    """Raise `LossError` with what would be lost and nobody has named as STACK:ADDRESS.

    An address alone says yes to nothing: stacks of other regions and environments have the same.
    """
    forms = {f"{stack}:{one.address}": one.address for stack, changes in losses.items() for one in changes}
    if bare := [name for name in named if not _names_stack(name)]:
        meant = [form for form, address in forms.items() if address in bare]
        raise LossError(
            thing="--destroys-data",
            value=", ".join(map(repr, bare)),
            rule="names no stack, and others may have the same address",
            fix=f"say which: {','.join(meant)}" if meant else "say STACK:ADDRESS, or leave it out: nothing of it goes",
        )
    unnamed = {
        stack: [one for one in changes if f"{stack}:{one.address}" not in named] for stack, changes in losses.items()
    }
    if unnamed := {stack: changes for stack, changes in unnamed.items() if changes}:
        fix = f"name it: --destroys-data {','.join(forms)}"
        fix += "; in the workflow `deploy` as its input destroys_data" if command == "deploy" else ""
        raise _error(f"{command} of {environment!r}", unnamed, fix)


def _names_stack(name: str) -> bool:
    """A stack's id has no dot, and an address has one before whatever colon."""
    stack, colon, address = name.partition(":")
    return bool(stack and colon and address) and "." not in stack


def _error(thing: str, losses: Losses, fix: str) -> LossError:
    told = "; ".join(f"{stack}: {change}" for stack, changes in losses.items() for change in changes)
    return LossError(thing=thing, value=told, rule="loses what is in it, for good", fix=f"if that is wanted, {fix}")
