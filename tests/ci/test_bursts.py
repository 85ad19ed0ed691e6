"""A burst: it looks place after place, trains, and leaves nothing, whatever happens to it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from pulumi.automation import Stack

from ci.burst import launcher
from ci.burst.launcher import burst
from ci.burst.plans import Order, plans
from ci.burst.remains import Part, reap
from ci.cli import run
from ci.drill import platform
from ci.errors import CommandError, JobError, MissingToolError, WorkError
from ci.jobs import JobRequest
from ci.site import Site
from infra.spec.contract import EXPIRES
from tests.ci.bursts_made import ORDER, Faults, holding, holds, made, market, remains
from tests.ci.pulumi_engine import Engine
from tests.ci.test_pool_jobs import LEAVE_A_MODEL, PROGRAM

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


def test_what_the_engine_does_not_destroy_goes_without_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    market(site)

    def locked(*_: object, **__: object) -> None:
        raise RuntimeError("the stack is currently locked")

    def trained(*_: object, **__: object) -> None:
        raise ValueError("no matter what")

    monkeypatch.setattr(Stack, "destroy", locked)
    monkeypatch.setattr(launcher, "train", trained)
    with pytest.raises(ValueError, match="no matter what"):
        burst(site, "review_writer", order=ORDER, recipe="debug", engine=Engine(site))
    assert remains(site) == []
    monkeypatch.setattr("ci.burst.remains._KINDS", {"holds": refused})
    with pytest.raises(
        WorkError, match=r"its end failed; what is left costs until .*groundplan burst reap local --now"
    ):
        burst(site, "review_writer", order=ORDER, recipe="debug", engine=Engine(site))
    monkeypatch.undo()
    assert len(reap(site, now=datetime.now(UTC) + timedelta(hours=3)).ended) == 4


def refused(site: Site) -> Iterator[Part]:
    """AWS refuses to tell what there is."""
    raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "DescribeCapacityReservations")
    yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_trains_ends_it_and_a_second_one_changes_nothing(
    site: Site, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(site)
    stack_destroy, before = Stack.destroy, signal.getsignal(number)

    def stopped(*_: object, **__: object) -> None:
        assert len(remains(site)) == 4
        os.kill(os.getpid(), number)
        time.sleep(60)

    def stopped_again(self: Stack, **how: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return stack_destroy(self, **how)

    monkeypatch.setattr(launcher, "train", stopped)
    monkeypatch.setattr(Stack, "destroy", stopped_again)
    with pytest.raises(KeyboardInterrupt):
        burst(site, "review_writer", order=ORDER, recipe="debug", engine=Engine(site))
    assert (remains(site), signal.getsignal(number)) == ([], before)


def test_a_stop_during_a_search_ends_the_search(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    market(site, *NO_G5)
    engine = Engine(site)
    monkeypatch.setattr(launcher, "NO_CAPACITY", Stopping(launcher.NO_CAPACITY))
    with pytest.raises(KeyboardInterrupt):
        burst(site, "review_writer", order=ORDER, recipe="debug", engine=engine)
    assert (engine.calls.count("up"), remains(site)) == (1, [])


class Stopping(tuple[str, ...]):
    """Words, and a signal to whoever looks at them."""

    def __iter__(self) -> Iterator[str]:
        os.kill(os.getpid(), signal.SIGTERM)
        return super().__iter__()


def test_no_capacity_anywhere_is_told_with_every_place(site: Site, trained: dict[str, Any]) -> None:
    market(site, *NO_G5)
    only = Order(pool="one", types=("g5.xlarge",), hours=1, most_usd_per_hour=5)
    with pytest.raises(WorkError, match="2 places have no capacity now; nothing is left of it") as refused:
        burst(site, "review_writer", order=only, recipe="debug", engine=Engine(site))
    assert refused.value.details == ("g5.xlarge in us-east-1a", "g5.xlarge in us-east-1b")
    assert remains(site) == []


@pytest.mark.parametrize(("number", "manner"), [(signal.SIGINT, "obedient"), (signal.SIGTERM, "deaf")])
def test_a_signal_inside_up_leaves_nothing(site: Site, tmp_path: Path, number: int, manner: str) -> None:
    """An engine that obeys saves what it held and destroys it, a second signal or not; a deaf one is killed, and the
    lock that it leaves does not keep its hold.
    """
    market(site)
    with holding(site, tmp_path, manner) as process:
        process.send_signal(number)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    says = "Stopped. Nothing of the burst is left but what its training had saved; the command makes a new one."
    assert told.splitlines()[-1] == says
    assert remains(site) == []
    assert json.loads((tmp_path / "stacks.json").read_text()) == {}
    assert ("is currently locked" in told) == (manner == "deaf")
    assert not (tmp_path / "locked").exists()


def test_what_a_killed_launcher_and_engine_left_is_ended_when_its_time_is_over(site: Site, tmp_path: Path) -> None:
    market(site)
    with holding(site, tmp_path, "deaf") as process:
        doomed = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for one in doomed:
            one.kill()
        psutil.wait_procs(doomed, timeout=20)
    (hold,) = remains(site)
    assert reap(site).ended == ()
    assert reap(site, now=datetime.now(UTC) + timedelta(hours=5)).ended == (f"capacity reservation {hold}",)
    assert remains(site) == []


def test_what_a_dead_launcher_left_is_ended_when_its_time_is_over(site: Site) -> None:
    market(site)
    plan = made(site)
    assert len(remains(site)) == 4
    assert reap(site).ended == ()
    kinds = [thing.split()[0] for thing in reap(site, now=datetime.now(UTC) + timedelta(hours=3)).ended]
    assert kinds == ["capacity", "queue", "compute", "parameter"]
    assert (remains(site), plan.tags[EXPIRES]) == ([], plan.ends_at.isoformat())


def test_the_reaper_ends_what_it_can_and_names_the_rest(site: Site) -> None:
    """One burst has an environment that is INVALID and a queue that somebody else deletes, another one a queue that
    Batch does not let go; and Batch tells of one thing a page.
    """
    market(site)
    sound, stuck = made(site), made(site)
    faults = Faults(site)
    faults.status("DescribeComputeEnvironments", "computeEnvironments", sound.name, "INVALID")
    faults.goes_meanwhile(sound.name)
    faults.refuse("batch", "DeleteJobQueue", stuck.name)
    later = datetime.now(UTC) + timedelta(hours=3)
    with pytest.raises(WorkError, match="bursts of 'local': 1 of 8 parts would not go; mend what follows") as told:
        reap(faults.site, now=later)
    (queue,) = told.value.details
    assert queue.startswith(f"queue {stuck.name}: An error occurred (Refused)")
    assert told.value.exit_code == 1
    assert remains(site) == [stuck.name]
    assert reap(site, now=later).ended == (f"queue {stuck.name}",)
    assert remains(site) == []


def test_a_kind_that_cannot_be_looked_for_keeps_no_other(site: Site) -> None:
    market(site)
    plan, faults = made(site), Faults(site)
    faults.refuse("ec2", "DescribeCapacityReservations")
    with pytest.raises(WorkError, match="1 of 4 parts") as told:
        reap(faults.site, only=plan.name)
    assert told.value.details[0].startswith("whatever there is of capacity reservations: An error occurred (Refused)")
    assert remains(site) == holds(site)
    assert len(reap(site, only=plan.name).ended) == 1


def test_a_time_that_nobody_can_read_is_named(site: Site) -> None:
    market(site)
    plan = made(site)
    batch = site.client("batch")
    (found,) = batch.describe_compute_environments(computeEnvironments=[plan.name])["computeEnvironments"]
    batch.tag_resource(resourceArn=found["computeEnvironmentArn"], tags={EXPIRES: "soon"})
    with pytest.raises(WorkError, match="1 of 4 parts") as told:
        reap(site, now=datetime.now(UTC) + timedelta(hours=3))
    assert "tag ExpiresAt: 'soon' is no time with a zone" in told.value.details[0]
    assert reap(site, only=plan.name).ended == (f"compute environment {plan.name}",)


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
