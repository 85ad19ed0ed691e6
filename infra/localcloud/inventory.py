"""What exists in this cloud: everything in it that was not there when it began.

moto has no list of all resources, but each of its backends keeps them in its attributes. The inventory notes what a
backend is born with (default VPCs, managed policies, machine images) and later names whatever else it holds, by a
walk that knows no single service. The few things it has to know are in `inventory_rules.py`.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

from infra.localcloud.cloud import Cloud
from infra.localcloud.inventory_rules import PLAIN, exists, members_of, plain_name

Path = tuple[str, ...]
Container = (Mapping, list, tuple, set, frozenset, deque)


@dataclass(frozen=True)
class Entry:
    """Something that a backend keeps, and where: a model of moto's, or a plain dictionary or name."""

    path: Path
    value: Any

    @property
    def key(self) -> object:
        """What tells it from others: models by identity, for ids may be given again, the rest by place and name."""
        return id(self.value) if _is_model(self.value) else (self.path, plain_name(self.value))


class Inventory:
    """Watches moto's backends from their birth. Make it before the first request."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        # A backend may make another one while it is being looked at.
        self._lock = threading.RLock()
        # The values are kept so that no later object can be born with the identity of a forgotten one.
        self._born_with: dict[int, dict[object, Entry]] = {}
        _watch_births(self._note_birth)

    def resources(self) -> list[dict[str, str]]:
        """Every resource as {service, region, account, type, id}, in a stable order."""
        found = [
            {"service": service, "region": region, "account": account, "type": kind, "id": identifier}
            for service, kind, account, region, identifier in self._cloud.all_resources()
        ]
        for backends in list(BackendDict._instances):
            for account, region, backend in _settled(backends.iter_backends):
                found += [
                    {"service": backends.service_name, "region": region, "account": account} | described
                    for described in self._new_in(backend)
                ]
        unique = {tuple(one.values()): one for one in found}
        return [unique[key] for key in sorted(unique)]

    def _note_birth(self, backend: BaseBackend) -> None:
        with self._lock:
            self._born_with.setdefault(id(backend), {entry.key: entry for entry in _entries(backend)})

    def _new_in(self, backend: BaseBackend) -> list[dict[str, str]]:
        known = self._born_with.get(id(backend), {})
        new = {entry.key: entry for entry in _settled(lambda: _entries(backend)) if entry.key not in known}
        return [
            _described(entry) for entry in new.values() if not _is_model(entry.value) or exists(entry.value, backend)
        ]


def _watch_births(on_birth: Callable[[BaseBackend], None]) -> None:
    """moto makes the backend of a service, account and region when it is first asked for; be told of each."""
    make = AccountSpecificBackend.__getitem__

    def watched(self: Any, region: str) -> Any:
        is_new = ("aws" if region == "global" else region) not in self.keys()
        backend = make(self, region)
        if is_new:
            on_birth(backend)
        return backend

    AccountSpecificBackend.__getitem__ = watched


def _entries(backend: BaseBackend) -> Iterator[Entry]:
    """Whatever the backend keeps in its attributes, also inside the small stores that some backends have."""
    # Not vars(): a few backends answer for another one's attributes.
    for name, value in object.__getattribute__(backend, "__dict__").items():
        if isinstance(value, Container):
            yield from _inside((name,), value)
        elif _is_model(value):
            for inner, stored in vars(value).items():
                if isinstance(stored, Container):
                    yield from _inside((name, inner), stored)


def _inside(path: Path, value: Any) -> Iterator[Entry]:
    if path[0] in PLAIN and plain_name(value):
        yield Entry(path, value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _inside((*path, str(key)), inner)
    elif isinstance(value, Container):
        for inner in value:
            yield from _inside(path, inner)
    elif _is_model(value):
        yield from (Entry((*path[:-1], name), member) for name, member in members_of(path[-1], value))


def _is_model(value: Any) -> bool:
    return type(value).__module__.startswith("moto.") and not isinstance(value, (BaseBackend, type, *Container))


def _described(entry: Entry) -> dict[str, str]:
    if not _is_model(entry.value):
        return {"type": entry.path[0], "id": str(plain_name(entry.value))}
    arn = getattr(entry.value, "arn", None)
    return {"type": type(entry.value).__name__.removeprefix("Fake"), "id": str(arn or entry.path[-1])}


def _settled(read: Callable[[], Iterator[Any]]) -> list[Any]:
    """What `read` finds; again if a request changed it meanwhile, for moto's dictionaries have no lock."""
    for _ in range(20):
        try:
            return list(read())
        except RuntimeError:
            continue
    return list(read())
