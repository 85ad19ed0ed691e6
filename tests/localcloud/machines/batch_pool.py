"""A queue over spot machines and the Batch jobs in it, for tests."""

import textwrap
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ci.drill.pools import RETRY, Client, make_queue

Wait = Callable[..., None]
LAUNCHED = {"instance", "volume", "network-interface"}


class Pool:
    """A queue over spot machines, as the platform's pools are, and the jobs in it."""

    def __init__(self, client: Client, wait_until: Wait) -> None:
        self._client, self._wait, self._batch = client, wait_until, client("batch")
        self.name = f"pool-{uuid.uuid4().hex[:8]}"
        tags = [{"Key": "pool", "Value": self.name}]
        template = client("ec2").create_launch_template(
            LaunchTemplateName=self.name,
            LaunchTemplateData={"TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in LAUNCHED]},
        )["LaunchTemplate"]["LaunchTemplateId"]
        launched = {"launchTemplateId": template, "version": "$Latest"}
        self.queue = make_queue(client, self.name, "SPOT", maxvCpus=8, launchTemplate=launched)

    def submit(self, code: str, nodes: int = 1, vcpus: int = 4, **request: Any) -> str:
        """Submit a job that runs the code on one node or more; the pool has eight vCPUs. Return its id."""
        container = {
            "image": "example/ml:v1",
            "command": ["run", textwrap.dedent(code)],
            "environment": [{"name": "TMPDIR", "value": "/scratch"}],
            "resourceRequirements": [{"type": "VCPU", "value": str(vcpus)}, {"type": "MEMORY", "value": "2048"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": f"/aws/batch/{self.name}"}},
            "volumes": [{"name": "scratch", "host": {"sourcePath": "/scratch"}}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
        }
        together = {
            "mainNode": 0,
            "numNodes": nodes,
            "nodeRangeProperties": [{"targetNodes": "0:", "container": container}],
        }
        kind: dict[str, Any] = {"type": "container", "containerProperties": container}
        if nodes > 1:
            kind = {"type": "multinode", "nodeProperties": together}
        definition = self._batch.register_job_definition(
            jobDefinitionName=self.name, retryStrategy=RETRY, tags={"owner": "me"}, propagateTags=True, **kind
        )["jobDefinitionArn"]
        answer = self._batch.submit_job(jobName="test", jobQueue=self.queue, jobDefinition=definition, **request)
        return str(answer["jobId"])

    def describe(self, job: str) -> dict[str, Any]:
        (found,) = self._batch.describe_jobs(jobs=[job])["jobs"]
        assert isinstance(found, dict)
        return found

    def ended(self, job: str) -> dict[str, Any]:
        self._wait(lambda: self.describe(job)["status"] in ("SUCCEEDED", "FAILED"))
        return self.describe(job)

    def lines(self, job: str) -> list[str]:
        stream = self.describe(job)["container"]["logStreamName"]
        try:
            found = self._client("logs").get_log_events(
                logGroupName=f"/aws/batch/{self.name}", logStreamName=stream, startFromHead=True
            )
        except ClientError:
            return []
        return [event["message"] for event in found["events"]]

    def machines(self) -> list[dict[str, Any]]:
        """The running machines that carry this pool's tag."""
        filters = [
            {"Name": "tag:pool", "Values": [self.name]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self._client("ec2").describe_instances(Filters=filters)["Reservations"]
        return [machine for reservation in found for machine in reservation["Instances"]]
