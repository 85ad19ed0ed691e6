"""The chain: each entry holds the hash of the one before, so that whoever changes one must rewrite all that follow.

Whoever registers a version has just signed its bundle. With the same key he signs the entry, and thereby vouches for
all before it: to rewrite those, one would need a key that never leaves KMS.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from ci.result import Result
from ml.release.signing import Signer, is_signed_by

BEFORE_ALL = "0" * 64
Event = Literal["trained", "optimized", "registered", "approved", "rejected", "released", "rolled back", "refused"]
MUST_BE_SIGNED: frozenset[Event] = frozenset({"registered"})


class Entry(Result):
    """What became of a model. `hash` is of all fields but itself and `signature`, which is the hash's, in base64."""

    number: int
    at: str
    who: str
    event: Event
    model: str
    # Empty until there is a bundle, whose content names the version.
    version: str
    facts: dict[str, str]
    previous: str
    hash: str = ""
    signature: str = ""


class Head(Result):
    """How far a log had come when somebody looked: its last entry's number and hash."""

    number: int
    hash: str


class Flaw(Result):
    """What is wrong with an entry; without a number, with the log as a whole."""

    number: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.number is None else f"entry {self.number} {self.what}"


def sealed(entry: Entry, signer: Signer | None) -> Entry:
    """Return the entry with its hash, signed where somebody signs."""
    hashed = _hash(entry)
    signature = base64.b64encode(signer.sign(bytes.fromhex(hashed))).decode() if signer else ""
    return entry.model_copy(update={"hash": hashed, "signature": signature})


def written(entry: Entry) -> bytes:
    """Return the one form in which an entry is kept."""
    return entry.model_dump_json().encode()


def read(raw: bytes) -> Entry | None:
    """Return an entry from what is kept; None where that is none of ours, or not in our form."""
    try:
        entry = Entry.model_validate_json(raw)
    except ValidationError:
        return None
    return entry if written(entry) == raw else None


def flaws(raw: Mapping[int, bytes], head: Head | None, keys: Sequence[str]) -> list[Flaw]:
    """Return all that is wrong with a log, by its entries' numbers; `keys` are the public ones that may have signed."""
    found: list[Flaw] = []
    entries = {number: read(content) for number, content in raw.items()}
    last = max(entries, default=0)
    for number in range(1, max(last, head.number if head else 0) + 1):
        if number not in entries:
            found.append(Flaw(number=number, what="is missing"))
        elif (entry := entries[number]) is None:
            found.append(Flaw(number=number, what="cannot be read: it is not as it was written"))
        else:
            before = entries.get(number - 1)
            expected = BEFORE_ALL if number == 1 else before.hash if before else None
            found += [Flaw(number=number, what=what) for what in _wrong(entry, number, expected, keys)]
    if head and (entry := entries.get(head.number)) and entry.hash != head.hash:
        found.append(Flaw(number=head.number, what="is not the one that the log's head names"))
    return found


def _wrong(entry: Entry, number: int, previous: str | None, keys: Sequence[str]) -> list[str]:
    if entry.number != number:
        return [f"is missing: in its place stands entry {entry.number}"]
    if entry.hash != _hash(entry):
        return ["was changed after it was written: its hash is another"]
    wrong = []
    if previous is not None and entry.previous != previous:
        wrong.append(f"does not follow entry {number - 1}: that one was written anew, or others stood between")
    if (entry.signature or entry.event in MUST_BE_SIGNED) and not _is_signed(entry, keys):
        wrong.append("is not signed with a key of this environment")
    return wrong


def _hash(entry: Entry) -> str:
    return hashlib.sha256(entry.model_dump_json(exclude={"hash", "signature"}).encode()).hexdigest()


def _is_signed(entry: Entry, keys: Sequence[str]) -> bool:
    try:
        signature = base64.b64decode(entry.signature, validate=True)
    except ValueError:
        return False
    return any(is_signed_by(key, bytes.fromhex(entry.hash), signature) for key in keys)
