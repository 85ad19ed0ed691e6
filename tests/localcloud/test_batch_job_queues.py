"""Job queues read back what is to happen to jobs that wait for too long."""

from typing import Any

from infra.localcloud import CloudRecord
from tests.localcloud.conftest import make_client

TRUST = '{"Version": "2012-10-17", "Statement": []}'
LIMIT = {"reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", "state": "RUNNABLE", "action": "CANCEL"}


def environment(cloud: CloudRecord) -> str:
    ec2, iam, batch = (make_client(cloud, service) for service in ("ec2", "iam", "batch"))
    iam.create_role(RoleName="waiting", AssumeRolePolicyDocument=TRUST)
    profile = iam.create_instance_profile(InstanceProfileName="waiting")["InstanceProfile"]["Arn"]
    made: str = batch.create_compute_environment(
        computeEnvironmentName="waiting",
        type="MANAGED",
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["g5.xlarge"],
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
            "instanceRole": profile,
        },
    )["computeEnvironmentArn"]
    return made


def test_limits_are_read_back_until_the_queue_goes(cloud: CloudRecord) -> None:
    batch = make_client(cloud, "batch")

    def limits() -> list[dict[str, Any]]:
        (queue,) = batch.describe_job_queues(jobQueues=["waiting"])["jobQueues"]
        found: list[dict[str, Any]] = queue.get("jobStateTimeLimitActions", [])
        return found

    machines = environment(cloud)
    order = [{"order": 1, "computeEnvironment": machines}]
    creation = {"jobQueueName": "waiting", "state": "ENABLED", "priority": 1, "computeEnvironmentOrder": order}
    batch.create_job_queue(**creation, jobStateTimeLimitActions=[{**LIMIT, "maxTimeSeconds": 600}])
    assert limits() == [{**LIMIT, "maxTimeSeconds": 600}]
    batch.update_job_queue(jobQueue="waiting", priority=2)
    assert limits() == [{**LIMIT, "maxTimeSeconds": 600}]
    batch.update_job_queue(jobQueue="waiting", jobStateTimeLimitActions=[{**LIMIT, "maxTimeSeconds": 1200}])
    assert limits()[0]["maxTimeSeconds"] == 1200
    batch.delete_job_queue(jobQueue="waiting")
    batch.create_job_queue(**creation)
    assert limits() == []
    batch.delete_job_queue(jobQueue="waiting")
    batch.delete_compute_environment(computeEnvironment=machines)
    make_client(cloud, "iam").delete_instance_profile(InstanceProfileName="waiting")
    make_client(cloud, "iam").delete_role(RoleName="waiting")
