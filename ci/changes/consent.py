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


def check_names(environment: str, losses: Losses, named: Collection[str]) -> None:
    """Raise `LossError` with what a saved plan would lose and nobody has named by its address."""
    unnamed = {stack: [one for one in changes if one.address not in named] for stack, changes in losses.items()}
    if unnamed := {stack: changes for stack, changes in unnamed.items() if changes}:
        addresses = dict.fromkeys(one.address for changes in losses.values() for one in changes)
        fix = f"name it: --destroys-data {','.join(addresses)}; in the workflow `deploy` as its input destroys_data"
        raise _error(f"deploy of {environment!r}", unnamed, fix)


def _error(thing: str, losses: Losses, fix: str) -> LossError:
    told = "; ".join(f"{stack}: {change}" for stack, changes in losses.items() for change in changes)
    return LossError(thing=thing, value=told, rule="loses what is in it, for good", fix=f"if that is wanted, {fix}")
