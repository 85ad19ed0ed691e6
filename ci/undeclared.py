"""What the program declares no more and still stands: a region that was taken out, the last fleet, the audit trail.

No plan destroys it, for Terraform is not asked about a state that no stack has. So it is told, and ended by its name.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci.changes import resource
from ci.changes.handed import READER
from ci.changes.resource import ResourceChange
from ci.errors import CommandError
from ci.manifest import Stack
from ci.result import Result
from ci.site import Site
from ci.state import StateStore, ids_in
from infra.naming import stack_id

KEY = re.compile(r"[^/]+/(?P<region>[^/]+)/(?P<component>[^/]+)\.tfstate")


class UndeclaredStack(Result):
    """A stack that no code declares, with what stands in it."""

    stack: str
    region: str
    # Where its state lies in the bucket.
    state: str
    resources: int


@dataclass(frozen=True)
class Remains:
    """An undeclared stack and the whole of its state."""

    told: UndeclaredStack
    state: Mapping[str, Any]

    @property
    def losses(self) -> tuple[ResourceChange, ...]:
        """All that it holds, as what would be destroyed."""
        return tuple(
            ResourceChange(action="destroy", address=address, type=address.split(".")[0])
            for address in ids_in(self.state)
        )

    @property
    def reads(self) -> frozenset[str]:
        """The keys of the states that it takes values from."""
        readers = (block for block in self.state.get("resources", ()) if block["type"] == READER)
        configs = (one["attributes"]["config"]["value"] for block in readers for one in block["instances"])
        return frozenset(str(config.get("key")) for config in configs)

    @property
    def fleets(self) -> tuple[str, ...]:
        """What fleets of devices in it are called."""
        types = (block for block in self.state.get("resources", ()) if block["type"] == "aws_iot_thing_type")
        return tuple(one["attributes"]["name"] for block in types for one in block["instances"])

    @property
    def providers(self) -> frozenset[str]:
        """What its resources are made by: `aws`, or `aws.payer` for one with an alias."""
        named = (block["provider"] for block in self.state.get("resources", ()) if block["mode"] == "managed")
        found = (re.search(r'hashicorp/([\w-]+)"\](\.\w+)?$', name) for name in named)
        return frozenset(one[1] + (one[2] or "") for one in found if one)


def remains(state: StateStore, environment: str, stacks: Sequence[Stack]) -> list[Remains]:
    """Return what stands in states of an environment that belong to none of `stacks`."""
    return list(_remains(state, environment, stacks))


def undeclared(state: StateStore, environment: str, stacks: Sequence[Stack]) -> tuple[UndeclaredStack, ...]:
    """Return the same, without what is in it."""
    return tuple(one.told for one in _remains(state, environment, stacks))


def _remains(state: StateStore, environment: str, stacks: Sequence[Stack]) -> Iterator[Remains]:
    declared = {stack.id for stack in stacks}
    for key in state.undeclared(environment, stacks):
        if found := KEY.fullmatch(key):
            region, component = found["region"], found["component"]
            name = stack_id(environment, region, component)
            # What an environment has once moves with its first region, and leaves one of its name behind.
            name = name if name not in declared else f"{environment}-{region}-{component}"
            document = state.read(key)
            counted = len(ids_in(document))
            yield Remains(UndeclaredStack(stack=name, region=region, state=key, resources=counted), document)


def told(environment: str, found: Sequence[UndeclaredStack]) -> str:
    """Say in a line that they stay, and how they go."""
    names = ", ".join(f"{one.stack} ({one.resources})" for one in found)
    return f"declared no more, yet what they hold stays and is paid for: {names}; end it: {way_out(environment, found)}"


def way_out(environment: str, found: Sequence[UndeclaredStack]) -> str:
    """Return the command that ends them. A deploy goes first: until then, others may point to what they hold."""
    return f"groundplan destroy {environment} --undeclared {','.join(one.stack for one in found)}"


def chosen(environment: str, found: Sequence[Remains], named: Collection[str]) -> list[Remains]:
    """Return those of `found` that are named; raise where a name is none of them, or what stays reads from it."""
    names = {one.told.stack for one in found}
    if strange := [name for name in named if name not in names]:
        fix = f"name some of {', '.join(sorted(names))}" if names else "leave the option out: there are none"
        rule = "has no state, or is declared: only what no code declares any more goes this way"
        raise CommandError(thing="--undeclared", value=", ".join(strange), rule=rule, fix=fix)
    doomed = [one for one in found if one.told.stack in named]
    keys = {one.told.state for one in doomed}
    if readers := [one.told for one in found if one not in doomed and one.told.resources and one.reads & keys]:
        raise CommandError(
            thing="--undeclared",
            value=", ".join(named),
            rule=f"hands values to {', '.join(one.stack for one in readers)}, which would stay",
            fix=f"end them together: groundplan destroy {environment} --undeclared "
            + ",".join([*named, *(one.stack for one in readers)]),
        )
    return doomed


def losses(doomed: Sequence[Remains]) -> dict[str, list[ResourceChange]]:
    """Return by stack what holds data."""
    return resource.lost({one.told.stack: one.losses for one in doomed})


def emptied(site: Site, doomed: Sequence[Remains], stacks: Sequence[Stack]) -> list[Stack]:
    """Write a stack without resources for each, so that Terraform removes what its state holds.

    Settings of the backend and of the providers are those of a declared stack, in the other's region.
    """
    names = {stack.backend.key: stack.id for stack in stacks if stack.backend}
    names |= {one.told.state: one.told.stack for one in doomed}
    written = []
    for one in doomed:
        if (document := _lent(one, stacks)) is None:
            raise CommandError(
                thing=one.told.stack,
                value=", ".join(sorted(one.providers)),
                rule="is a provider that no declared stack of this code has",
                fix=f"check out the code that deployed it, and run there: groundplan destroy {site.name}",
            )
        folder = site.workspace.folder(site.name) / "undeclared" / one.told.stack
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cdk.tf.json").write_text(json.dumps(document))
        needs = frozenset(names[key] for key in one.reads & names.keys())
        written.append(Stack(one.told.stack, folder, needs))
    return written


def endable(found: Sequence[Remains], stacks: Sequence[Stack]) -> list[Remains]:
    """Return those whose providers some declared stack can lend."""
    return [one for one in found if _lent(one, stacks) is not None]


# A provider may take a role by a variable (infra/toolkit.py).
_LENT = ("terraform", "provider", "variable")


def _lent(one: Remains, stacks: Sequence[Stack]) -> dict[str, Any] | None:
    """Return the document of a stack with a backend and providers, and nothing else; None where none can lend them."""
    for stack in stacks:
        document = json.loads(json.dumps({key: stack.document.get(key, {}) for key in _LENT}))
        if stack.backend and one.providers <= set(_names(document["provider"])):
            document["terraform"]["backend"]["s3"]["key"] = one.told.state
            for settings in document["provider"].get("aws", ()):
                settings |= {} if "alias" in settings else {"region": one.told.region}
            # Terraform takes no empty block.
            return {key: block for key, block in document.items() if block}
    return None


def _names(providers: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, blocks in providers.items():
        for block in blocks:
            yield f"{name}.{block['alias']}" if "alias" in block else name
