"""How many workers the work needs: told as Auto Scaling understands it, from nothing to too many."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from ml.clusters import __main__ as command
from ml.clusters.demand import Shape, Worker, plan

WORKER = Shape(cpus=4, gpus=1)


def planned(workers: list[Worker], waiting: list[Shape], group_size: int) -> tuple[int, tuple[str, ...]]:
    made = plan(workers, waiting, shape=WORKER, group_size=group_size, idle_seconds=600)
    return made.percent, made.idle


@pytest.mark.parametrize(
    ("waiting", "group_size", "percent"),
    [
        ([], 0, 100),
        # One machine is what Auto Scaling takes an empty group for: 100 would be enough.
        ([Shape(1, 0)], 0, 200),
        ([Shape(4, 1)] * 5, 0, 500),
        ([Shape(4, 1)] * 5, 5, 100),
        ([Shape(4, 1)] * 5, 2, 250),
        # Four tasks of a CPU share a machine, and what wants a GPU is placed first.
        ([Shape(1, 0)] * 4, 0, 200),
        ([Shape(1, 0)] * 6 + [Shape(2, 1)], 0, 200),
        # On no worker would it ever run: more of them do not help.
        ([Shape(8, 0)], 0, 100),
    ],
)
def test_waiting_work_becomes_machines(waiting: list[Shape], group_size: int, percent: int) -> None:
    assert planned([], waiting, group_size) == (percent, ())


def test_busy_workers_are_wanted_and_idle_ones_end_the_longest_idle_first() -> None:
    workers = [Worker("busy", None), Worker("new", 30), Worker("idle", 700), Worker("longer", 900)]
    assert planned(workers, [], 4) == (25, ("longer", "idle"))


def test_idle_workers_stay_for_work_that_is_waiting() -> None:
    workers = [Worker("idle", 700), Worker("longer", 900)]
    assert planned(workers, [Shape(4, 1)], 2) == (50, ("longer",))
    assert planned(workers, [Shape(4, 1)] * 2, 2) == (100, ())


def test_nobody_ends_while_the_group_is_smaller_than_the_work() -> None:
    assert planned([Worker("idle", 700)], [Shape(4, 1)] * 3, 1) == (300, ())


def node(instance: str, cpus: float, idle_ms: int, *, head: bool = False) -> SimpleNamespace:
    total = {"CPU": cpus} | ({"node:__internal_head__": 1.0} if head else {})
    usage = SimpleNamespace(idle_time_ms=idle_ms)
    return SimpleNamespace(
        instance_id=instance, node_id=f"node-{instance}", resource_usage=usage, total_resources=lambda: total
    )


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of Ray as is read of it, in the form that Ray 2.60 gave on a real cluster."""
    bundles = [SimpleNamespace(bundle={"CPU": 4.0, "memory": 1.0}, count=2)]
    demands = SimpleNamespace(
        ray_task_actor_demand=[SimpleNamespace(bundles_by_count=bundles)],
        placement_group_demand=[],
        cluster_constraint_demand=[],
    )
    status = SimpleNamespace(
        active_nodes=[node("i-head", 0, 0, head=True), node("i-busy", 4, 0)],
        idle_nodes=[node("i-idle", 4, 900_000)],
        resource_demands=demands,
    )
    sdk = ModuleType("ray.autoscaler.v2.sdk")
    sdk.get_cluster_status = lambda address: status  # type: ignore[attr-defined]
    for name in ("ray", "ray.autoscaler", "ray.autoscaler.v2"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "ray.autoscaler.v2.sdk", sdk)


def ask(*words: str) -> int:
    return command.main(["--address", "head:6379", *words])


@pytest.mark.usefixtures("ray")
def test_the_command_says_what_ray_calls_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert [ask("node", instance) for instance in ("i-head", "i-busy", "i-idle", "i-other")] == [0, 0, 0, 1]
    assert capsys.readouterr().out.split() == ["node-i-head", "node-i-busy", "node-i-idle"]


@pytest.mark.usefixtures("ray")
def test_the_command_says_what_the_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    question = ["plan", "--group-size", "2", "--cpus", "4", "--gpus", "0", "--idle-seconds", "600"]
    assert ask(*question) == 0
    assert capsys.readouterr().out == "percent 150\n"
    question[2] = "4"
    assert ask(*question) == 0
    assert capsys.readouterr().out == "percent 75\nidle i-idle\n"
