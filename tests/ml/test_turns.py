"""A job that was submitted late: it works only while the state of its run is at its attempt."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ml.errors import InputError
from ml.launchers import turn
from ml.launchers.assignment import Assignment
from tests.ml.faulty_s3 import BUCKET, FaultyS3, serving

STATE = "runs/a-run/state.json"
SECOND = Assignment(
    job="a-run-2",
    hyperparameters={},
    channels={},
    checkpoints="s3://a/c",
    output="s3://a/o",
    state=f"s3://{BUCKET}/{STATE}",
    attempt=2,
)


@pytest.fixture(scope="module")
def service() -> Iterator[FaultyS3]:
    with serving() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.variables().items():
            patch.setenv(name, value)
        yield found


@pytest.mark.parametrize(
    ("attempts", "has_turn"),
    [
        ([(1, "reclaimed"), (2, None)], True),
        ([(1, "reclaimed"), (2, "reclaimed")], False),
        ([(1, "reclaimed"), (2, "reclaimed"), (3, None)], False),
    ],
)
def test_only_the_attempt_that_the_run_waits_for_has_its_turn(
    service: FaultyS3, attempts: list[tuple[int, str | None]], has_turn: bool
) -> None:
    state = {"attempts": [{"number": number, "outcome": outcome} for number, outcome in attempts]}
    service.client().put_object(Bucket=BUCKET, Key=STATE, Body=json.dumps(state).encode())
    if has_turn:
        turn.check(SECOND)
        return
    with pytest.raises(InputError, match="job 'a-run-2': attempt 2 was given up before it began"):
        turn.check(SECOND)


def test_a_job_by_itself_asks_nobody() -> None:
    turn.check(replace(SECOND, state=None, attempt=None))
