"""A burst: it looks place after place, trains, and leaves nothing, whatever happens to it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ci.burst import launcher
from ci.burst.launcher import burst
from ci.burst.plans import Order, plans
from ci.burst.remains import reap
from ci.cli import run
from ci.contracts import BURST
from ci.drill import platform
from ci.errors import CommandError, JobError, MissingToolError, WorkError
from ci.jobs import JobRequest
from ci.site import Site
from infra.spec.contract import EXPIRES
from tests.ci.pulumi_engine import Engine
from tests.ci.test_pool_jobs import LEAVE_A_MODEL, PROGRAM

ORDER = Order(pool="one", types=("g5.xlarge", "g6.xlarge"), hours=2, most_usd_per_hour=5)
NO_G5 = [f"g5.xlarge us-east-1{zone}" for zone in "abcdef"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with platform.running(tmp_path_factory.mktemp("home"), PROGRAM) as found:
        contract = f"/{found.environment.project}/{found.name}/training"
        ssm, ec2 = found.client("ssm"), found.client("ec2")
        told = json.loads(ssm.get_parameter(Name=contract)["Parameter"]["Value"])
        # The network's subnets, one in each zone.
        told["subnet_ids"] = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
        ssm.put_parameter(Name=contract, Value=json.dumps(told), Type="String", Overwrite=True)
        yield found


def market(site: Site, *none: str) -> None:
    """Let the cloud have none of these, as `g5.xlarge us-east-1a`."""
    settings = site.workspace.home / "clouds" / "launchers" / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"no_capacity": none}))


def remains(site: Site) -> list[str]:
    """The names of all that bursts have made and that stands."""
    batch = site.client("batch")
    queues = [one["jobQueueName"] for one in batch.describe_job_queues()["jobQueues"]]
    machines = [one["computeEnvironmentName"] for one in batch.describe_compute_environments()["computeEnvironments"]]
    holds = site.client("ec2").describe_capacity_reservations()["CapacityReservations"]
    parameters = site.client("ssm").describe_parameters()["Parameters"]
    named = [*queues, *machines, *(one["Name"] for one in parameters)]
    return [*(name for name in named if BURST in name), *(one["CapacityReservationId"] for one in holds)]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let jobs do what this says, in the place of preparing a model's own data."""
    asked: dict[str, Any] = {"code": LEAVE_A_MODEL}

    def prepared(*_: object, **__: object) -> tuple[JobRequest, str]:
        hyperparameters = {"model": "review_writer", "recipe": "debug", "code": asked["code"]}
        return JobRequest(kind="train", model="review_writer", channels={}, hyperparameters=hyperparameters), "v"

    monkeypatch.setattr("ci.train.prepared", prepared)
    return asked


def test_a_burst_that_finds_no_capacity_twice_moves_on_runs_and_leaves_nothing(
    site: Site, trained: dict[str, Any]
) -> None:
    market(site, "g5.xlarge us-east-1a", "g5.xlarge us-east-1b")
    before, engine = remains(site), Engine(site)
    trained["code"] = LEAVE_A_MODEL.replace('{"accuracy": 0.5}', '{"accuracy": 0.5, "baseline_accuracy": 0.4}')
    result = burst(site, "review_writer", order=ORDER, recipe="debug", engine=engine)
    assert [(one.instance_type, one.zone, one.outcome) for one in result.tries] == [
        ("g5.xlarge", "us-east-1a", "no capacity"),
        ("g5.xlarge", "us-east-1b", "no capacity"),
        ("g6.xlarge", "us-east-1a", "trained"),
    ]
    assert result.trained.accuracy == 0.5
    assert (remains(site), before, engine.stacks) == ([], [], {})
    assert 0 < result.usd < 0.1
    assert engine.calls.count("up") == engine.calls.count("destroy") == engine.calls.count("stack rm") == 3


def test_a_burst_whose_job_fails_leaves_nothing_either(site: Site, trained: dict[str, Any]) -> None:
    market(site)
    trained["code"] = "raise SystemExit(3)"
    with pytest.raises(JobError, match="exit code 3"):
        burst(site, "review_writer", order=ORDER, recipe="debug", engine=Engine(site))
    assert remains(site) == []


def test_no_capacity_anywhere_is_told_with_every_place(site: Site, trained: dict[str, Any]) -> None:
    market(site, *NO_G5)
    only = Order(pool="one", types=("g5.xlarge",), hours=1, most_usd_per_hour=5)
    with pytest.raises(WorkError, match="2 places have no capacity now; nothing is left of it") as refused:
        burst(site, "review_writer", order=only, recipe="debug", engine=Engine(site))
    assert refused.value.details == ("g5.xlarge in us-east-1a", "g5.xlarge in us-east-1b")
    assert remains(site) == []


def test_what_a_dead_launcher_left_is_ended_when_its_time_is_over(site: Site) -> None:
    market(site)
    plan = plans(site, ORDER)[0]
    launcher._stack(site, plan, Engine(site)).up()
    assert len(remains(site)) == 4
    assert reap(site).ended == ()
    kinds = [thing.split()[0] for thing in reap(site, now=datetime.now(UTC) + timedelta(hours=3)).ended]
    assert kinds == ["queue", "compute", "capacity", "parameter"]
    assert (remains(site), plan.tags[EXPIRES]) == ([], plan.ends_at.isoformat())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"most_usd_per_hour": 0.5}, r"is less than every type costs with 1 machines: g5.xlarge \$1\.01"),
        ({"types": ("g5.xlage",)}, "is no known type; did you mean 'g5.xlarge'"),
        ({"pool": "tow"}, "did you mean 'two'"),
    ],
)
def test_what_cannot_be_met_is_told_before_anything_is_made(site: Site, changes: Any, says: str) -> None:
    order = Order(**({"pool": "one", "types": ("g5.xlarge",), "hours": 1, "most_usd_per_hour": 5} | changes))
    with pytest.raises(CommandError, match=says):
        plans(site, order)


def test_two_machines_cost_twice_and_a_job_ends_with_its_burst(site: Site) -> None:
    (one, *_), (two, *_) = (
        plans(site, Order(pool=pool, types=("g5.xlarge",), hours=0.5, most_usd_per_hour=9)) for pool in ("one", "two")
    )
    assert two.usd_per_hour == 2 * one.usd_per_hour
    assert one.contract.timeout_seconds == 1800
    assert (one.contract.fair_shares, one.contract.instance_types) == ((), ("g5.xlarge",))
    assert two.machines["maxvCpus"] == 2 * one.machines["maxvCpus"]


def test_a_machine_without_pulumi_s_engine_is_told(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="pulumi: no program of that name"):
        burst(site, "review_writer", order=ORDER, recipe="debug")


def test_the_command_ends_what_is_over(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.commands.burst.site", lambda *_: site)
    assert run(["burst", "reap", "local"]) == 0
    assert capsys.readouterr().out == "no burst is over\n"
