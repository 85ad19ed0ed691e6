"""Scheduled actions happen: bounds of a variant and of a group change when their moment has come."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

Endpoint = Any  # conftest.Endpoint
Client = Callable[[str], Any]
Wait = Callable[..., None]
INSTANCE = {"InstanceType": "ml.c7i.large", "InitialInstanceCount": 1}
GROUP = "scheduled"
# A moment that is over when its action arrives never comes: far enough for a busy machine, with the second cut off.
SOON = timedelta(seconds=4)


def test_a_variant_gets_the_bounds_of_its_schedule_and_grows_into_them(
    endpoint: Endpoint, client: Client, wait_until: Wait
) -> None:
    endpoint.create({"model": {}, **INSTANCE}).settled()
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint.name}/variant/variant-0",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=1)
    at = datetime.now(UTC) + SOON
    scaling.put_scheduled_action(
        **target,
        ScheduledActionName="day",
        Schedule=f"at({at.replace(tzinfo=None).isoformat(timespec='seconds')})",
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 3},
    )
    wait_until(lambda: endpoint.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == 2)
    (bounds,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])[
        "ScalableTargets"
    ]
    assert (bounds["MinCapacity"], bounds["MaxCapacity"]) == (2, 3)
    scaling.delete_scheduled_action(**target, ScheduledActionName="day")
    scaling.deregister_scalable_target(**target)


@pytest.fixture
def group(client: Client) -> Iterator[str]:
    """A group without machines."""
    ec2, autoscaling = client("ec2"), client("autoscaling")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    template = {"ImageId": image, "InstanceType": "m5.large"}
    ec2.create_launch_template(LaunchTemplateName=GROUP, LaunchTemplateData=template)
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        MinSize=0,
        MaxSize=1,
        LaunchTemplate={"LaunchTemplateName": GROUP, "Version": "$Latest"},
        AvailabilityZones=["us-east-1a"],
    )
    yield GROUP
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    with contextlib.suppress(ClientError):
        ec2.delete_launch_template(LaunchTemplateName=GROUP)


def test_a_group_gets_machines_at_its_moment_and_its_figures_show_them(
    group: str, client: Client, wait_until: Wait
) -> None:
    autoscaling = client("autoscaling")
    autoscaling.enable_metrics_collection(
        AutoScalingGroupName=group, Granularity="1Minute", Metrics=["GroupInServiceInstances", "GroupMinSize"]
    )
    at = datetime.now(UTC) + SOON
    autoscaling.put_scheduled_update_group_action(
        AutoScalingGroupName=group,
        ScheduledActionName="scheduled-day",
        StartTime=at,
        MinSize=2,
        MaxSize=4,
    )

    def sizes() -> tuple[int, int, int, int]:
        (found,) = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        return found["MinSize"], found["MaxSize"], found["DesiredCapacity"], len(found["Instances"])

    wait_until(lambda: sizes() != (0, 1, 0, 0))
    assert datetime.now(UTC) >= at.replace(microsecond=0), "not before its moment"
    wait_until(lambda: sizes() == (2, 4, 2, 2))
    assert not autoscaling.describe_scheduled_actions(AutoScalingGroupName=group)["ScheduledUpdateGroupActions"]
    wait_until(lambda: told(client, "GroupInServiceInstances", group) == 2)
    assert told(client, "GroupMinSize", group) == 2


def told(client: Client, name: str, group: str) -> float:
    """The last figure that a group told of itself."""
    now = datetime.now(UTC)
    found = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/AutoScaling",
        MetricName=name,
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": group}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in found["Datapoints"]), default=-1.0)
