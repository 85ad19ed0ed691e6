"""What a cluster's machines run at their first start: shown whole in golden files, and really run here."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.user_data.conftest import CONTRACT
from tests.infra.user_data.sandbox import Machine, machine

GOLDEN = Path(__file__).with_name("golden")
SOURCES = sorted((Path(__file__).parents[3] / "infra" / "user_data").glob("*.sh"))
# EC2 takes no more, and counts before base64.
MOST_BYTES = 16 * 1024
RAY = f"{CONTRACT.head_address}:6379"
# Ray knows the machine until it was drained, and as long as that takes.
JOINED = """case "$*" in *" node i-"*)
  looks=$(sed '1,/drain-node/d' "$SANDBOX/calls" | grep -c ' node i-')
  [ "$looks" -lt 1 ] || exit 1
  echo 5eed
esac
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path, instance_id="i-0a1b2c3d4e5f60718", local_ipv4="10.20.1.7") as made:
        yield made


def answers(node: Machine) -> list[tuple[str, str]]:
    """What the machine told its group: (hook, result)."""
    told = [
        dict(zip(call[3::2], call[4::2], strict=True))
        for call in node.calls("aws", "autoscaling", "complete-lifecycle-action")
    ]
    assert all(one["--instance-id"] == "i-0a1b2c3d4e5f60718" for one in told)
    return [(one["--lifecycle-hook-name"], one["--lifecycle-action-result"]) for one in told]


def ray_options(node: Machine) -> list[str]:
    """With what Ray was started in its container."""
    (call,) = node.calls("docker", "run")
    return call[call.index(CONTRACT.image_uri) + 1 :]


@pytest.mark.parametrize("kind", ["head", "worker"])
def test_the_whole_script_is_what_was_reviewed(kind: str, request: pytest.FixtureRequest) -> None:
    script = request.getfixturevalue(kind)
    file = GOLDEN / f"{kind}.sh"
    assert script == file.read_text(), "read what changed, then: python -m tests.infra.user_data.write_golden"
    assert len(script.encode()) <= MOST_BYTES
    subprocess.run(["bash", "-n", str(file)], check=True)


def test_every_script_passes_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck") or Path(sys.executable).with_name("shellcheck")
    subprocess.run([str(shellcheck), "--external-sources", *map(str, SOURCES)], cwd=SOURCES[0].parent, check=True)


def test_the_head_starts_ray_and_says_where_it_is(node: Machine, head: str) -> None:
    node.does("docker", JOINED)
    with node.started(head) as process:
        assert process.wait(timeout=120) == 0
        node.until(lambda: node.calls("docker", "run"))
        node.until(lambda: node.calls("docker", "exec", "ray", "python", "-m", "ml.clusters", "--address", RAY, "jobs"))
    assert ray_options(node) == [
        *("start", "--block", "--node-ip-address=10.20.1.7", "--head", "--port=6379", "--dashboard-host=127.0.0.1"),
        *("--dashboard-port=8265", "--num-cpus=0", "--disable-usage-stats"),
    ]
    (run,) = node.calls("docker", "run")
    assert {"--network=host", "--entrypoint=ray", "--env=RAY_CLOUD_INSTANCE_ID=i-0a1b2c3d4e5f60718"} <= set(run)
    assert "--gpus=all" not in run
    (jobs,) = node.calls("docker", "exec", "ray", "python", "-m", "ml.clusters", "--address", RAY, "jobs")
    folder = f"s3://{CONTRACT.artifact_bucket}/{CONTRACT.artifact_prefix}"
    assert jobs[-3:] == [folder, "--log-group", CONTRACT.log_group]
    (record,) = node.calls("aws", "route53", "change-resource-record-sets")
    (change,) = json.loads(record[record.index("--change-batch") + 1])["Changes"]
    assert change["ResourceRecordSet"]["Name"] == CONTRACT.head_address
    assert change["ResourceRecordSet"]["ResourceRecords"] == [{"Value": "10.20.1.7"}]
    assert answers(node) == [("set-up", "CONTINUE")]
    assert node.metadata.refused == 0


def test_a_worker_joins_the_heads_address(node: Machine, worker: str) -> None:
    node.does("docker", JOINED)
    with node.started(worker) as process:
        assert process.wait(timeout=120) == 0
        node.until(lambda: node.calls("docker", "run"))
    assert ray_options(node) == ["start", "--block", "--node-ip-address=10.20.1.7", f"--address={RAY}"]
    (run,) = node.calls("docker", "run")
    assert "--gpus=all" in run
    assert node.calls("aws", "route53") == []
    assert answers(node) == [("set-up", "CONTINUE")]


@pytest.mark.parametrize(
    ("entry", "value", "seconds"),
    [
        pytest.param("spot/instance-action", '{"action": "terminate"}', "80", id="spot"),
        pytest.param("autoscaling/target-lifecycle-state", "Terminated", "90", id="scale-in"),
    ],
)
def test_a_worker_that_must_go_drains_and_then_lets_its_group_go_on(
    node: Machine, worker: str, entry: str, value: str, seconds: str
) -> None:
    node.does("docker", JOINED)
    node.metadata.values["autoscaling/target-lifecycle-state"] = "InService"
    with node.started(worker) as process:
        assert process.wait(timeout=120) == 0
        assert answers(node) == [("set-up", "CONTINUE")]
        assert node.calls("docker", "exec", "ray", "ray", "drain-node") == []
        node.metadata.values[entry] = value
        node.until(lambda: len(answers(node)) == 2)
    assert answers(node)[1] == ("drain", "CONTINUE")
    (drain,) = node.calls("docker", "exec", "ray", "ray", "drain-node")
    options = dict(zip(drain[5::2], drain[6::2], strict=True))
    assert options["--address"] == RAY
    assert options["--node-id"] == "5eed"
    assert options["--reason"] == "DRAIN_NODE_REASON_PREEMPTION"
    assert options["--deadline-remaining-seconds"] == seconds
    # In this order: hand over, stop, let go.
    kinds = [call[:3] for call in node.calls()]
    assert kinds.index(["systemctl", "stop", "ray.service"]) < len(kinds) - 1
    assert node.calls()[-1][:3] == ["aws", "autoscaling", "complete-lifecycle-action"]
    assert node.metadata.refused == 0


def test_a_worker_waits_for_its_tasks_as_long_as_the_spec_says(node: Machine, worker: str) -> None:
    node.does("docker", JOINED.replace("-lt 1", "-lt 3"))
    node.metadata.values["spot/instance-action"] = '{"action": "terminate"}'
    with node.started(worker):
        node.until(lambda: len(answers(node)) == 2)
    order = [call[:2] + call[-2:-1] for call in node.calls() if "drain-node" not in call]
    looks = [index for index, call in enumerate(order) if call == ["docker", "exec", "node"]]
    stopped = next(index for index, call in enumerate(order) if call[:2] == ["systemctl", "stop"])
    # One at its start, one to know what to drain, three until Ray had left.
    assert len(looks) == 5
    assert looks[-1] < stopped


def test_a_drained_worker_does_not_start_ray_again(node: Machine, worker: str) -> None:
    node.does("docker", JOINED)
    node.metadata.values["spot/instance-action"] = '{"action": "terminate"}'
    with node.started(worker):
        node.until(lambda: len(answers(node)) == 2)
    before = len(node.calls("docker", "run"))
    with node.started(f"#!/bin/bash\nexec {node.root}/opt/groundplan/ray.sh\n") as again:
        assert again.wait(timeout=120) == 0
    assert len(node.calls("docker", "run")) == before


@pytest.mark.parametrize(
    ("program", "does"),
    [
        pytest.param("systemctl", '[ "$1" != daemon-reload ] || exit 1', id="the system is broken"),
        pytest.param("docker", '[ "$1" != pull ] || exit 1', id="there is no such image"),
        pytest.param("docker", '[ "$1" != exec ] || exit 1', id="ray does not join"),
    ],
)
def test_a_machine_that_cannot_be_set_up_is_abandoned(node: Machine, worker: str, program: str, does: str) -> None:
    (node.root / "var" / "log").mkdir(parents=True)
    (node.root / "var" / "log" / "cloud-init-output.log").write_text('what "went" wrong\n')
    node.does(program, does)
    impatient = worker.replace("try 120 ", "try 0 ").replace("JOIN_SECONDS='600'", "JOIN_SECONDS='0'")
    with node.started(impatient) as process:
        assert process.wait(timeout=120) == 1
    assert answers(node) == [("set-up", "ABANDON")]
    (events,) = node.calls("aws", "logs", "put-log-events")
    (event,) = json.loads(events[events.index("--log-events") + 1])
    assert "set-up failed in line" in event["message"]
    assert "what went wrong" in event["message"]
    assert node.calls("aws")[-1][2] == "complete-lifecycle-action"


def test_the_head_asks_for_workers_and_ends_idle_ones(node: Machine, head: str) -> None:
    node.does("docker", 'case "$*" in *" plan "*) printf \'percent 150\\nidle i-1\\nidle i-2\\n\' ;; esac')
    # The group refuses the second: it is at its smallest size.
    node.does("aws", 'case "$*" in *describe-auto-scaling-groups*) echo 2 ;; *"--instance-id i-2 "*) exit 254 ;; esac')
    with node.started(head) as process:
        assert process.wait(timeout=120) == 0
        node.until(lambda: len(node.calls("aws", "autoscaling", "terminate-instance-in-auto-scaling-group")) == 2)
    (asked,) = [call for call in node.calls("docker", "exec") if "plan" in call]
    assert asked[asked.index("plan") + 1 :] == [
        "--group-size",
        "2",
        "--cpus",
        "4",
        "--gpus",
        "1",
        "--idle-seconds",
        "900",
    ]
    (metric,) = node.calls("aws", "cloudwatch", "put-metric-data")
    told = dict(zip(metric[3::2], metric[4::2], strict=True))
    assert told == {
        "--namespace": "Groundplan/Clusters",
        "--metric-name": "WantedWorkersPercent",
        "--dimensions": f"AutoScalingGroupName={CONTRACT.workers_group}",
        "--unit": "Percent",
        "--value": "150",
    }
    ended = node.calls("aws", "autoscaling", "terminate-instance-in-auto-scaling-group")
    assert [call[4] for call in ended] == ["i-1", "i-2"]
    assert all(call[5] == "--should-decrement-desired-capacity" for call in ended)
