"""What a GPU pool is to Batch, made with boto3: a queue of machines, rules of when to retry; and how they are taken."""

from collections.abc import Callable, Mapping
from typing import Any

Client = Callable[[str], Any]
TRUST = '{"Version": "2012-10-17", "Statement": []}'
# As in infra/gpu_job.py.
RETRY = {
    "attempts": 3,
    "evaluateOnExit": [
        {"action": "RETRY", "onStatusReason": "Host EC2*"},
        {"action": "RETRY", "onExitCode": "143"},
        {"action": "EXIT", "onExitCode": "*"},
    ],
}


def make_queue(client: Client, name: str, kind: str, **machines: Any) -> str:
    """Make a queue of machines that are bought as `kind`, SPOT or EC2, with more said of them; return its ARN."""
    batch, ec2, iam = client("batch"), client("ec2"), client("iam")
    profile = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    resources = {
        "type": kind,
        "minvCpus": 0,
        "maxvCpus": 16,
        "instanceTypes": ["g5.xlarge"],
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "instanceRole": profile,
    }
    environment = batch.create_compute_environment(
        computeEnvironmentName=name, type="MANAGED", computeResources=resources | machines
    )["computeEnvironmentArn"]
    order = [{"order": 1, "computeEnvironment": environment}]
    queue = batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    return str(queue["jobQueueArn"])


def reclaim(client: Client, tags: Mapping[str, str] | None = None) -> str:
    """Let AWS's own experiment take away every spot machine, or those with the tags; return the experiment's id."""
    fis = client("fis")
    machines = {"resourceType": "aws:ec2:spot-instance", "selectionMode": "ALL"}
    template = fis.create_experiment_template(
        description="Take spot machines away",
        stopConditions=[{"source": "none"}],
        roleArn="arn:aws:iam::123456789012:role/fis",
        targets={"machines": {**machines, **({"resourceTags": dict(tags)} if tags else {})}},
        actions={
            "reclaim": {
                "actionId": "aws:ec2:send-spot-instance-interruptions",
                "parameters": {"durationBeforeInterruption": "PT2M"},
                "targets": {"SpotInstances": "machines"},
            }
        },
    )["experimentTemplate"]["id"]
    return str(fis.start_experiment(experimentTemplateId=template)["experiment"]["id"])
