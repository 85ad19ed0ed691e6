"""The audit log: what nobody may do unseen, and that two who write at once do not write one entry."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from moto import mock_aws

from ci.audit import chain
from ci.audit.chain import BEFORE_ALL, Entry, Head
from ci.audit.log import ENTRIES, HEAD, AuditLog
from ci.audit.record import AuditVerification, check
from ci.errors import WorkError
from ml.release.signing import LocalSigner
from tests.ml.faulty_s3 import BUCKET as SERVED
from tests.ml.faulty_s3 import serving

BUCKET = "audit"
LENGTH = 6


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> LocalSigner:
    return LocalSigner.kept_at(tmp_path_factory.mktemp("key") / "signing.pem")


def grown(signer: LocalSigner | None, raw: dict[int, bytes], count: int, who: str = "ann") -> dict[int, bytes]:
    """Go on with a log; every second entry registers a version."""
    raw = dict(raw)
    for number in range(len(raw) + 1, len(raw) + count + 1):
        last = chain.read(raw[number - 1]) if number > 1 else None
        entry = Entry(
            number=number,
            at="2026-11-22T12:00:00+00:00",
            who=who,
            event="trained" if number % 2 else "registered",
            model="m",
            version=f"v{number}",
            facts={"job": f"job-{number}"},
            previous=last.hash if last else BEFORE_ALL,
        )
        raw[number] = chain.written(chain.sealed(entry, signer))
    return raw


def head(raw: dict[int, bytes]) -> Head:
    last = chain.read(raw[max(raw)])
    assert last
    return Head(number=last.number, hash=last.hash)


@pytest.fixture(scope="module")
def whole(signer: LocalSigner) -> dict[int, bytes]:
    return grown(signer, {}, LENGTH)


def named(raw: dict[int, bytes], head: Head | None, signer: LocalSigner) -> set[int | None]:
    return {flaw.number for flaw in chain.flaws(raw, head, [signer.public_key_pem()])}


def test_a_whole_log_has_no_flaw(whole: dict[int, bytes], signer: LocalSigner) -> None:
    assert chain.flaws(whole, head(whole), [signer.public_key_pem()]) == []
    behind = Head(number=4, hash=head(whole).hash)
    assert named(whole, behind, signer) == {4}, "a head that names another entry"
    assert chain.flaws({}, None, []) == []


@settings(max_examples=150, deadline=None)
@given(data=some.data())
def test_one_changed_byte_anywhere_names_its_entry(
    data: some.DataObject, whole: dict[int, bytes], signer: LocalSigner
) -> None:
    number = data.draw(some.integers(1, LENGTH))
    content = bytearray(whole[number])
    content[data.draw(some.integers(0, len(content) - 1))] ^= 1 << data.draw(some.integers(0, 7))
    assert number in named({**whole, number: bytes(content)}, head(whole), signer)


@settings(max_examples=80, deadline=None)
@given(data=some.data())
def test_removed_entries_are_named_also_at_the_end(
    data: some.DataObject, whole: dict[int, bytes], signer: LocalSigner
) -> None:
    gone = data.draw(some.sets(some.integers(1, LENGTH), min_size=1))
    left = {number: content for number, content in whole.items() if number not in gone}
    assert named(left, head(whole), signer) == gone


@settings(max_examples=80, deadline=None)
@given(order=some.permutations(range(1, LENGTH + 1)))
def test_entries_in_another_order_are_named(order: list[int], whole: dict[int, bytes], signer: LocalSigner) -> None:
    moved = {place for place, number in enumerate(order, start=1) if place != number}
    shuffled = {place: whole[number] for place, number in enumerate(order, start=1)}
    assert named(shuffled, head(whole), signer) >= moved
    assert bool(named(shuffled, head(whole), signer)) == bool(moved)


@settings(max_examples=40, deadline=None)
@given(since=some.integers(1, LENGTH), has_key=some.booleans())
def test_who_writes_the_rest_anew_needs_the_key(
    since: int, has_key: bool, whole: dict[int, bytes], signer: LocalSigner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Somebody with the whole bucket in his hands, head included, but not the key, or with one of his own."""
    theirs = LocalSigner.kept_at(tmp_path_factory.mktemp("theirs") / "key.pem") if has_key else None
    forged = grown(theirs, {number: whole[number] for number in range(1, since)}, LENGTH - since + 1, who="eve")
    found = named(forged, head(forged), signer)
    assert found >= {number for number in range(since, LENGTH + 1) if number % 2 == 0}
    assert not {number for number in found if number is not None and number < since}


def test_a_replaced_entry_of_the_middle_is_named_with_its_follower(
    whole: dict[int, bytes], signer: LocalSigner
) -> None:
    forged = grown(None, {number: whole[number] for number in (1, 2)}, 1, who="eve")
    (flaw,) = chain.flaws({**whole, 3: forged[3]}, head(whole), [signer.public_key_pem()])
    assert str(flaw).startswith("entry 4 does not follow entry 3")


@pytest.fixture
def bucket() -> Any:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        yield s3


def test_the_log_in_s3_goes_on_where_it_ended(bucket: Any, signer: LocalSigner) -> None:
    log = AuditLog(bucket, BUCKET, signer)
    assert (log.entries(), log.head()) == ([], None)
    for event in ("trained", "registered", "refused"):
        log.append(event, who="ann", model="m", version="v", facts={"why": "“no”"})  # type: ignore[arg-type]
    assert [(entry.number, entry.event) for entry in log.entries()] == [
        (1, "trained"),
        (2, "registered"),
        (3, "refused"),
    ]
    assert chain.flaws(log.raw(), log.head(), [signer.public_key_pem()]) == []
    # A writer that was stopped between its entry and the head, and one whose entry was taken away.
    bucket.put_object(Bucket=BUCKET, Key=HEAD, Body=Head(number=1, hash=log.entries()[0].hash).model_dump_json())
    assert log.append("approved", who="ann", model="m", facts={}).number == 4
    bucket.delete_object(Bucket=BUCKET, Key=f"{ENTRIES}00000004.json")
    assert log.append("released", who="ann", model="m", facts={}).number == 5
    found = chain.flaws(log.raw(), log.head(), [signer.public_key_pem()])
    assert [str(flaw) for flaw in found] == ["entry 4 is missing"]


def test_writers_at_once_get_a_number_each(signer: LocalSigner) -> None:
    with serving() as service:
        logs = [AuditLog(service.client(), SERVED, signer) for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            written = list(pool.map(lambda log: log.append("trained", who="x", model="m", facts={}).number, logs * 3))
        assert sorted(written) == list(range(1, 19))
        assert not list(chain.flaws(logs[0].raw(), None, [signer.public_key_pem()]))


def test_a_verification_that_fails_names_the_entry_and_ends_with_1(whole: dict[int, bytes]) -> None:
    flaws = chain.flaws({1: whole[1]}, Head(number=40, hash=""), [])
    result = AuditVerification(environment="dev", entries=1, signed=0, last=None, flaws=tuple(flaws))
    with pytest.raises(WorkError, match=r"audit log of environment 'dev': entry 1 is not signed") as caught:
        check(result)
    assert caught.value.exit_code == 1
    assert caught.value.details[-1] == "and 19 more: groundplan audit verify dev --json"
