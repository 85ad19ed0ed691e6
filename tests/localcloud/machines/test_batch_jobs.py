"""Batch jobs really run, on machines that can be taken away, and are started again as their definition says."""

import json
from typing import Any

import pytest

from ci.drill.pools import Client, reclaim
from tests.localcloud.machines.batch_pool import Pool, Wait

METADATA = {"name": "AWS_EC2_METADATA_SERVICE_ENDPOINT", "value": "http://169.254.169.254"}
# The first time: asks its machine until that has something to say, and is lost with it.
LISTENS = """
import os, time, urllib.error, urllib.request

def ask(path, method="GET", **headers):
    request = urllib.request.Request(os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + path, method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    return urllib.request.urlopen(request, timeout=5).read().decode()

if os.environ["AWS_BATCH_JOB_ATTEMPT"] == "1":
    token = ask("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
    print("on", ask("/latest/meta-data/instance-id", X_aws_ec2_metadata_token=token))
    while True:
        try:
            print("told", ask("/latest/meta-data/spot/instance-action", X_aws_ec2_metadata_token=token))
            time.sleep(60)
        except urllib.error.HTTPError:
            time.sleep(0.05)
"""
LOG = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/news"


@pytest.fixture(scope="module")
def pool(client: Client, wait_until: Wait) -> Pool:
    return Pool(client, wait_until)


def test_a_job_runs_its_command_and_tells_its_log(pool: Pool) -> None:
    job = pool.submit(
        """
        import os, pathlib
        scratch = pathlib.Path(os.environ["TMPDIR"])
        (scratch / "cache").write_text("x")
        print(os.environ["AWS_BATCH_JOB_ATTEMPT"], os.environ["COLOUR"], (base / "checkpoints").is_dir())
        """,
        containerOverrides={"environment": [{"name": "COLOUR", "value": "blue"}]},
    )
    described = pool.ended(job)
    assert described["status"] == "SUCCEEDED", described
    assert described["container"]["exitCode"] == 0
    assert described["tags"] == {"owner": "me"}
    assert pool.lines(job) == ["1 blue True"]
    assert pool.machines() == []


def test_a_failure_of_its_own_is_not_repeated(pool: Pool) -> None:
    described = pool.ended(pool.submit("raise SystemExit(7)"))
    assert described["status"] == "FAILED"
    assert [attempt["container"]["exitCode"] for attempt in described["attempts"]] == [7]


def test_a_job_that_saved_its_state_is_started_again(pool: Pool) -> None:
    code = "import os; raise SystemExit(143 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1' else 0)"
    described = pool.ended(pool.submit(code))
    assert described["status"] == "SUCCEEDED"
    assert len(described["attempts"]) == 2


def test_a_terminated_job_is_not_started_again(pool: Pool, client: Client, wait_until: Wait) -> None:
    job = pool.submit("import time; print('up'); time.sleep(60)")
    wait_until(lambda: pool.describe(job)["status"] == "RUNNING")
    client("batch").terminate_job(jobId=job, reason="enough")
    described = pool.ended(job)
    assert (described["status"], described["statusReason"], len(described["attempts"])) == ("FAILED", "enough", 1)
    assert described["isTerminated"]


def test_nodes_of_one_job_find_their_main_node(pool: Pool, client: Client) -> None:
    job = pool.submit(
        """
        import os, socket, time
        mine = int(os.environ["AWS_BATCH_JOB_NODE_INDEX"])
        if mine == 0:
            assert "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS" not in os.environ
            with socket.create_server(("127.0.0.1", 29417)) as server:
                with server.accept()[0] as other:
                    print("node", other.recv(10).decode(), "of", os.environ["AWS_BATCH_JOB_NUM_NODES"])
        else:
            address = os.environ["AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"]
            while True:
                try:
                    with socket.create_connection((address, 29417)) as main:
                        main.send(str(mine).encode())
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            time.sleep(60)
        """,
        nodes=2,
    )
    described = pool.ended(job)
    assert described["status"] == "SUCCEEDED", described
    assert pool.lines(job) == ["node 1 of 2"]
    nodes = client("batch").list_jobs(multiNodeJobId=job)["jobSummaryList"]
    assert [node["jobId"] for node in nodes] == [f"{job}#0", f"{job}#1"]
    assert pool.describe(f"{job}#1")["nodeDetails"] == {"nodeIndex": 1, "isMainNode": False}


def test_a_reclaim_is_told_and_the_job_goes_on_elsewhere(pool: Pool, client: Client, wait_until: Wait) -> None:
    """FIS takes the machine away: rule, queue, warning, its metadata, the lost machine, the second attempt."""
    events, sqs, logs = client("events"), client("sqs"), client("logs")
    logs.create_log_group(logGroupName="/aws/events/news")
    queue = sqs.create_queue(QueueName="news")["QueueUrl"]
    sources = {"source": ["aws.ec2", "aws.batch"]}
    events.put_rule(Name="news", EventPattern=json.dumps(sources))
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="news", Targets=[{"Id": "queue", "Arn": arn}, {"Id": "log", "Arn": LOG}])
    job = pool.submit(LISTENS, containerOverrides={"environment": [METADATA]})
    wait_until(lambda: pool.describe(job)["status"] == "RUNNING" and pool.lines(job))  # It asks from now on.
    (machine,) = pool.machines()
    assert machine["InstanceLifecycle"] == "spot"
    reclaim(client, {"pool": pool.name})
    described = pool.ended(job)
    assert described["status"] == "SUCCEEDED", described
    first, second = described["attempts"]
    assert first["statusReason"] == f"Host EC2 (instance {machine['InstanceId']}) terminated."
    assert "exitCode" not in first["container"]
    assert second["container"]["exitCode"] == 0
    lines = [one["message"] for one in logs.filter_log_events(logGroupName=f"/aws/batch/{pool.name}")["events"]]
    assert f"on {machine['InstanceId']}" in lines
    assert any(line.startswith('told {"action": "terminate", "time": "20') for line in lines)
    told: list[dict[str, Any]] = []
    # Who describes a job may see a status before the event of it has come to the rule's targets.
    wait_until(lambda: told.extend(_received(sqs, queue)) or "SUCCEEDED" in statuses(told))
    spot = [(one["detail-type"], one["detail"]["instance-id"]) for one in told if one["source"] == "aws.ec2"]
    assert spot == [
        ("EC2 Instance Rebalance Recommendation", machine["InstanceId"]),
        ("EC2 Spot Instance Interruption Warning", machine["InstanceId"]),
    ]

    def read() -> list[str]:
        events = logs.filter_log_events(logGroupName="/aws/events/news")["events"]
        return sorted(json.loads(one["message"])["id"] for one in events)

    wait_until(lambda: read() == sorted(one["id"] for one in told))
    again = ["RUNNABLE", "STARTING", "RUNNING"]
    assert statuses(told) == ["SUBMITTED", *again, *again, "SUCCEEDED"]


def test_an_experiment_without_spot_machines_fails(pool: Pool, client: Client) -> None:
    experiment = reclaim(client, {"pool": "none"})
    assert client("fis").get_experiment(id=experiment)["experiment"]["state"]["status"] == "failed"


def test_tags_reach_the_machine_its_volume_and_its_interface(pool: Pool, client: Client, wait_until: Wait) -> None:
    job = pool.submit("import time; time.sleep(60)")
    wait_until(lambda: pool.describe(job)["status"] == "RUNNING")
    (machine,) = pool.machines()
    ec2 = client("ec2")
    volumes = [mapping["Ebs"]["VolumeId"] for mapping in machine["BlockDeviceMappings"]]
    interfaces = [interface["NetworkInterfaceId"] for interface in machine["NetworkInterfaces"]]
    wanted = [machine["InstanceId"], *volumes, *interfaces]
    filters = [{"Name": "resource-id", "Values": wanted}, {"Name": "key", "Values": ["pool"]}]
    tagged = {tag["ResourceId"]: tag["Value"] for tag in ec2.describe_tags(Filters=filters)["Tags"]}
    client("batch").terminate_job(jobId=job, reason="seen")
    pool.ended(job)
    assert tagged == dict.fromkeys(wanted, pool.name)


def statuses(told: list[dict[str, Any]]) -> list[str]:
    return [one["detail"]["status"] for one in told if one["source"] == "aws.batch"]


def _received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    found = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found
