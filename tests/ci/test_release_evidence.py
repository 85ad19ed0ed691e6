"""What the calls of two releases prove, and how they are read from what was kept."""

import base64
import json
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from ci.traffic import answers, figures
from ci.traffic.confidence import interval
from ci.traffic.evidence import Evidence, Tolerance, breach

TOLERANCE = Tolerance(
    more_failed=0.01, more_slow=0.1, other_answers=0.15, false_alarm=0.01, latency_ms=100.0, failed=0.01
)


def test_an_interval_covers_its_share_however_often_one_looks() -> None:
    random, missed = Random(3), 0
    for share in (0.001, 0.05, 0.5):
        for _ in range(40):
            hits = 0
            for trials in range(1, 400):
                hits += random.random() < share
                low, high = interval(hits, trials, 0.05)
                if not low <= share <= high:
                    missed += 1
                    break
    assert missed <= 8, "at most 5 % of 120, in the long run"
    low, high = interval(10, 10, 0.001)
    assert 0.3 < low < 1.0 == high
    assert interval(0, 0, 0.01) == (0.0, 1.0)


def test_labels_are_read_from_kept_answers_and_copies_held_against_their_originals() -> None:
    def event(request: str, label: str, *, packed: bool = False) -> dict[str, object]:
        data = json.dumps({"predictions": [{"label": label, "score": 1.0}, {"other": 1}], "model_version": "v"})
        encoded = base64.b64encode(data.encode()).decode()
        output = {"data": encoded, "encoding": "BASE64"} if packed else {"data": data, "encoding": "JSON"}
        about = {"eventId": request, "inferenceTime": "2026-01-01T00:00:05Z"}
        return {"captureData": {"endpointOutput": output}, "eventMetadata": about, "eventVersion": "0"}

    originals = [answers.read(event("1", "a")), answers.read(event("2", "b", packed=True))]
    copies = [answers.read(event("1", "a")), answers.read(event("2", "a")), answers.read(event("3", "a"))]
    assert answers.labels(originals) == {"a": 1, "b": 1}
    assert answers.pairs(copies, originals) == (2, 1)
    assert originals[0].at == 1767225605.0
    broken = event("1", "a") | {"captureData": {"endpointOutput": {"data": "<html>", "encoding": "CSV"}}}
    assert answers.read(broken).labels == ()


def test_no_more_calls_failed_than_there_were_though_sums_are_not_of_one_moment() -> None:
    sums = {"requests": 19.0, "failed": 23.0, "refused": 1.0}

    def paginate(*, MetricDataQueries: list[Any], **_: object) -> list[Any]:  # noqa: N803 - boto3's name
        ids, at = [query["Id"] for query in MetricDataQueries], datetime(2026, 1, 1, tzinfo=UTC)
        return [{"MetricDataResults": [{"Id": id_, "Timestamps": [at], "Values": [sums.get(id_, 0.0)]} for id_ in ids]}]

    cloudwatch: Any = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    found = figures.evidence(cloudwatch, "endpoint", "next", latency_ms=100.0, begin=0.0, end=1.0)
    assert (found.requests, found.failed) == (24, 23)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"requests": 100, "failed": 40}, "40.0% of 100 answers failed, of the old one's 0.0% of 900 answers"),
        ({"requests": 100, "refused": 40}, "were refused"),
        ({"requests": 100, "timed": 100, "slower": (100, 100, 100, 90, 0, 0)}, "took over"),
        ({"requests": 100, "labels": {"a": 100}}, "100.0% of 100 answers were 'a', of the old one's 50.0%"),
        ({"requests": 100, "pairs": 60, "otherwise": 50}, "83.3% of 60 answers were others than the old one's"),
        ({"requests": 100, "failed": 1, "timed": 100, "labels": {"a": 50, "b": 50}}, None),
        # Faster is no harm.
        ({"requests": 100, "timed": 100}, None),
    ],
)
def test_what_is_worse_is_said(new: dict[str, object], said: str | None) -> None:
    old = Evidence(requests=900, timed=900, slower=(400, 100, 0, 0, 0, 0), labels={"a": 450, "b": 450})
    found = breach(Evidence.model_validate(new), old, TOLERANCE, 3)
    assert (found is None) == (said is None)
    assert said is None or (found and said in found)
