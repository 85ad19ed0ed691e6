"""The gauge of the pools' queues, run as the function that it is, over jobs that wait for a machine."""

import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from ci.drill.pools import Client
from infra.functions.gauges.queue_age import waits
from infra.naming import Names
from infra.queue_gauge import gauge_settings
from infra.queue_signals import NAMESPACE
from infra.spec import GpuNeed, GpuPoolSpec
from tests.localcloud.machines.batch_pool import Pool, Wait

NAMES = Names("groundplan", "test", "us-east-1", "123456789012")


def test_a_pool_is_told_with_both_its_queues() -> None:
    pool = GpuPoolSpec(name="small", need=GpuNeed(gpus=1), max_nodes=2)
    queue = "groundplan-test-pool-small"
    assert gauge_settings([pool], NAMES)["pools"] == {queue: [queue, f"{queue}-on-demand"]}
    alone = pool.model_copy(update={"max_on_demand_nodes": 0})
    assert gauge_settings([alone], NAMES)["pools"] == {queue: [queue]}


@pytest.fixture(scope="module")
def pool(client: Client, wait_until: Wait) -> Pool:
    return Pool(client, wait_until)


def figure(client: Client, name: str, pool: str) -> float:
    now = datetime.now(UTC)
    found = client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "Pool", "Value": pool}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in found["Datapoints"]), default=-1.0)


def test_who_waits_for_a_machine_is_counted_and_the_first_of_them_timed(
    pool: Pool, client: Client, wait_until: Wait
) -> None:
    jobs = [pool.submit("import time; time.sleep(60)", vcpus=8) for _ in range(3)]
    began = time.time()
    states = ["RUNNABLE", "RUNNABLE", "RUNNING"]
    wait_until(lambda: sorted(pool.describe(job)["status"] for job in jobs) == states)
    waiting = waits(client("batch"), [pool.queue], datetime.now(UTC))
    assert len(waiting) == 2
    assert 0 <= max(waiting) <= time.time() - began + 5

    archive, settings = io.BytesIO(), {"pools": {"mine": [pool.queue]}, "namespace": NAMESPACE}
    with zipfile.ZipFile(archive, "w") as written:
        written.write("infra/functions/gauges/queue_age.py", "gauges/queue_age.py")
        written.writestr("gauges/__init__.py", "")
        written.writestr("settings.json", json.dumps(settings))
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = client("iam").create_role(RoleName="gauge", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName="gauge",
        Runtime="python3.12",
        Role=role,
        Handler="gauges/queue_age.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=30,
    )
    answer = client("lambda").invoke(FunctionName="gauge", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == {"mine": 2}
    assert figure(client, "JobsWaiting", "mine") == 2
    assert figure(client, "OldestWaitSeconds", "mine") > 0
    for job in jobs:
        client("batch").terminate_job(jobId=job, reason="counted")
