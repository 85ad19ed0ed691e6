"""What `groundplan status` tells of clusters: their two groups as one line."""

from collections.abc import Iterator
from typing import Any

import pytest

from ci.status import status
from tests.ci.conftest import Tiny

PREFIX = "groundplan-local-cluster-shared"


@pytest.fixture
def groups(tiny: Tiny) -> Iterator[Any]:
    """A head and up to four workers, two of them wanted."""
    autoscaling, ec2 = tiny.site().client("autoscaling"), tiny.site().client("ec2")
    template = ec2.create_launch_template(
        LaunchTemplateName="any", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "m7i.large"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    for part, least, most in (("head", 1, 1), ("workers", 2, 4)):
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=f"{PREFIX}-{part}",
            LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
            MinSize=least,
            MaxSize=most,
            AvailabilityZones=["us-east-1a"],
        )
    yield autoscaling
    for part in ("head", "workers"):
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName=f"{PREFIX}-{part}", ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateId=template)


def test_a_cluster_s_machines_are_counted(tiny: Tiny, groups: Any) -> None:
    (found,) = status(tiny.site()).clusters
    assert (found.cluster, found.region, found.head_in_service) == (PREFIX, "us-east-1", True)
    assert (found.workers_in_service, found.workers_desired, found.workers_most) == (2, 2, 4)
    told = tiny.run("status", "local").stdout
    assert "head in service, workers: 2 of 2, at most 4" in told
    groups.set_desired_capacity(AutoScalingGroupName=f"{PREFIX}-head", DesiredCapacity=0)
    assert not status(tiny.site()).clusters[0].head_in_service


def test_stacks_are_named_as_a_deploy_names_them(tiny: Tiny) -> None:
    s3, bucket = tiny.site().client("s3"), tiny.site().environment.state.bucket
    s3.create_bucket(Bucket=bucket)
    keys = [f"local/us-east-1/{component}.tfstate" for component in ("network", "access")]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b'{"resources": [{"mode": "managed", "instances": [{}]}]}')
    assert status(tiny.site()).stacks == {"local-access": 1, "local-us-east-1-network": 1}
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
