"""A budget that is spent stops training: launchers are denied, queues are closed; and all of it can be taken back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.resume import resume
from ci.site import Site
from ci.workspace import Workspace
from infra.functions.steward import reaper
from infra.functions.steward.orders import Orders, carry_out
from infra.localcloud import CloudRecord
from infra.spec import BudgetSpec, PayerSpec
from infra.toolkit import new_app
from stacks.cost import CostStack
from tests.localcloud.conftest import inventory
from tests.localcloud.terraform import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.slow]

Client = Callable[[str], Any]
Wait = Callable[..., None]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
# A minute of the dearest machine is more than one percent of a dollar.
DEAR = {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture
def queue(client: Client) -> str:
    """A queue of the environment, and one of somebody else."""
    ec2, batch = client("ec2"), client("batch")
    client("iam").create_role(RoleName="batch-machines", AssumeRolePolicyDocument=TRUST)
    profile = client("iam").create_instance_profile(InstanceProfileName="batch-machines")["InstanceProfile"]["Arn"]
    resources = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 4,
        "instanceTypes": ["g5.xlarge"],
        "instanceRole": profile,
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
    machines = batch.create_compute_environment(
        computeEnvironmentName="machines", type="MANAGED", computeResources=resources
    )["computeEnvironmentArn"]
    order = [{"order": 1, "computeEnvironment": machines}]
    for name, environment in (("ours", "local"), ("theirs", "else")):
        tags = {"project": "groundplan", "environment": environment}
        batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order, tags=tags)
    return "ours"


def states(client: Client) -> dict[str, str]:
    queues = client("batch").describe_job_queues()["jobQueues"]
    # Other tests' queues are on the same cloud.
    return {queue["jobQueueName"]: queue["state"] for queue in queues if queue["jobQueueName"] in ("ours", "theirs")}


def said(client: Client) -> list[dict[str, Any]]:
    """What the function logged; the log is sent a moment later than the deed."""
    events: list[dict[str, Any]] = client("logs").filter_log_events(logGroupName="/aws/lambda/groundplan-local-brake")[
        "events"
    ]
    return events


def banned(client: Client) -> list[str]:
    attached = client("iam").list_attached_role_policies(RoleName="launcher")["AttachedPolicies"]
    return [policy["PolicyName"] for policy in attached]


def synthesized(folder: Path, key_arn: str) -> Path:
    budget = BudgetSpec(
        monthly_usd=1, thresholds_percent=(1,), stop_percent=1, emails=("me@example.com",), payer=PayerSpec()
    )
    environment = environments.load("local").model_copy(update={"budget": budget, "ttl_hours": 1})
    with new_app(folder) as app:
        CostStack(app, environment, key_arn=key_arn, launchers=("launcher",))
    return folder / "stacks" / "local-cost" / "cdk.tf.json"


def test_a_spent_budget_stops_training_until_it_is_taken_back(
    cloud: CloudRecord, client: Client, train: Any, queue: str, terraform: Terraform, tmp_path: Path, wait_until: Wait
) -> None:
    client("iam").create_role(RoleName="launcher", AssumeRolePolicyDocument=TRUST)
    key_arn = client("kms").create_key()["KeyMetadata"]["Arn"]
    before = inventory(cloud)
    stack = terraform.stack(synthesized(tmp_path, key_arn), cloud)
    applied = stack.apply()
    assert applied.code == 0, applied.text
    planned = stack.plan()
    assert planned.code == 0, planned.text
    assert (states(client), banned(client)) == ({"ours": "ENABLED", "theirs": "ENABLED"}, [])

    tags = [{"Key": "project", "Value": "groundplan"}, {"Key": "environment", "Value": "local"}]
    train("import time; time.sleep(1)", ResourceConfig=DEAR, Tags=tags).ended()

    wait_until(lambda: states(client)[queue] == "DISABLED" and banned(client))
    assert states(client)["theirs"] == "ENABLED"
    assert banned(client) == ["groundplan-local-us-east-1-no-new-jobs"]
    budgets, name = client("budgets"), "groundplan-local-monthly"
    (action,) = budgets.describe_budget_actions_for_budget(AccountId="123456789012", BudgetName=name)["Actions"]
    assert action["Status"] == "EXECUTION_SUCCESS"
    told = '"event": "ended", "kind": "job queue", "name": "ours"'
    wait_until(lambda: any(told in event["message"] for event in said(client)))

    result = resume(Site(environments.load("local"), Workspace(), cloud.url))
    assert (result.actions, result.queues) == (1, ("ours",))
    assert (states(client)[queue], banned(client)) == ("ENABLED", [])
    destroyed = stack.destroy()
    assert destroyed.code == 0, destroyed.text
    assert [one for one in inventory(cloud) if one not in before and "TrainingJobs" not in one["id"]] == []


def test_the_reaper_ends_what_outlived_its_time_and_nothing_else(
    cloud: CloudRecord, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function's code against this cloud: an overdue group of the environment sleeps, the others stay."""
    for name, value in {"URL": cloud.url, "KEY": "test"}.items():
        variables = {"URL": ("AWS_ENDPOINT_URL",), "KEY": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}[name]
        for variable in variables:
            monkeypatch.setenv(variable, value)
    autoscaling = client("autoscaling")
    autoscaling.create_launch_configuration(
        LaunchConfigurationName="any", ImageId="ami-12c6146b", InstanceType="t3.medium"
    )
    for name, environment, ttl in (("old", "dev", "2020-01-01"), ("young", "dev", "72h"), ("other", "prod", "1h")):
        pairs = {"project": "groundplan", "environment": environment, "ttl": ttl}
        whose = {"PropagateAtLaunch": True, "ResourceId": name, "ResourceType": "auto-scaling-group"}
        tags = [{"Key": key, "Value": value, **whose} for key, value in pairs.items()]
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="any",
            MinSize=1,
            MaxSize=2,
            AvailabilityZones=["us-east-1a"],
            Tags=tags,
        )
    orders = Orders("groundplan", "dev", ("us-east-1",))
    assert carry_out(orders, reaper.expired(orders, datetime.now(UTC)), "expired") == {
        "ended": ["old"],
        "dry_run": False,
    }
    groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {group["AutoScalingGroupName"]: group["DesiredCapacity"] for group in groups} == {
        "old": 0,
        "young": 1,
        "other": 1,
    }
