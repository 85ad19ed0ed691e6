"""The steward ends what it is told to, and nothing of anybody else's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.functions.steward import brake, orders, reaper
from infra.functions.steward.found import Found
from infra.functions.steward.orders import Orders, UnfinishedError, carry_out

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINE = {"project": "groundplan", "environment": "dev"}
ORDERS = Orders(project="groundplan", environment="dev", regions=("us-east-1",))
ended: list[str] = []


def thing(name: str, hours: float = 0, **tags: str) -> Found:
    since = NOW - timedelta(hours=hours)
    return Found("endpoint", name, "us-east-1", MINE | tags, since, lambda: ended.append(name))


def forbidden() -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteEndpoint")


@pytest.fixture(autouse=True)
def nothing_ended() -> None:
    ended.clear()


@pytest.mark.parametrize(
    ("ttl", "hours", "over"),
    [
        ("72h", 73, True),
        ("72h", 71, False),
        ("2026-11-22T11:00:00+00:00", 0, True),
        ("2026-11-22T13:00:00", 0, False),
        ("never", 9999, False),
        ("", 9999, False),
        ("soon", 9999, False),
    ],
)
def test_time_is_over_when_the_tag_says_so(ttl: str, hours: float, over: bool) -> None:
    end = reaper.end_of(thing("x", hours, ttl=ttl))
    assert (end is not None and end <= NOW) is over


def test_the_reaper_takes_only_the_environments_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(region: str) -> Iterator[Found]:
        yield thing("old", 100, ttl="72h")
        yield thing("young", 1, ttl="72h")
        yield thing("prod's", 100, ttl="72h", environment="prod")
        yield Found("endpoint", "nobody's", region, {"ttl": "1h"}, NOW - timedelta(days=9), forbidden)

    monkeypatch.setattr(reaper, "KINDS", (found,))
    assert [one.name for one in reaper.expired(ORDERS, NOW)] == ["old"]


def test_a_dry_run_says_what_it_would_do(capsys: pytest.CaptureFixture[str]) -> None:
    dry = Orders(project="groundplan", environment="dev", regions=(), dry_run=True)
    assert carry_out(dry, [thing("a")], "expired") == {"ended": [], "dry_run": True}
    line = json.loads(capsys.readouterr().out)
    told = {"event": "would end", "kind": "endpoint", "name": "a", "region": "us-east-1", "reason": "expired"}
    assert (line, ended) == (told, [])


def test_a_refusal_hides_no_other_and_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    refused = Found("endpoint", "b", "us-east-1", MINE, NOW, forbidden)
    with pytest.raises(UnfinishedError, match="1 of 3 were refused: b"):
        carry_out(ORDERS, [thing("a"), refused, thing("c")], "expired")
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert (ended, events) == (["a", "c"], ["ended", "refused", "ended"])


def test_orders_come_with_the_archive_and_the_event_may_ask_for_a_dry_run(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"project": "p", "environment": "e", "regions": ["r"], "ends_running": True}))
    assert Orders.read({}, file) == Orders("p", "e", ("r",), ends_running=True)
    assert Orders.read({"dry_run": True}, file).dry_run


@pytest.mark.parametrize(
    ("ends_running", "event", "expected"),
    [
        (False, {}, ["queue to DISABLED"]),
        (True, {}, ["queue to DISABLED", "training", "batch"]),
        (True, {"release": True}, ["queue to ENABLED"]),
    ],
)
def test_the_brake_stops_queues_first_and_running_jobs_only_if_told(
    monkeypatch: pytest.MonkeyPatch, ends_running: bool, event: dict[str, Any], expected: list[str]
) -> None:
    mine = Orders("groundplan", "dev", ("us-east-1",), ends_running=ends_running)
    monkeypatch.setattr(orders.Orders, "read", lambda event: mine)
    monkeypatch.setattr(brake, "job_queues", lambda region, state: iter([thing(f"queue to {state}")]))
    monkeypatch.setattr(brake, "training_jobs", lambda region: iter([thing("training")]))
    monkeypatch.setattr(brake, "batch_jobs", lambda region: iter([thing("batch"), thing("x", environment="prod")]))
    assert brake.handler(event, None)["ended"] == expected == ended
