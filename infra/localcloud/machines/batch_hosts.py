"""The machines of a compute environment: real instances of this cloud, launched for a job as Batch launches them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.batch_container import vcpus_of
from infra.localcloud.machines.batch_job import BatchJob
from infra.localcloud.machines.site import Site

# Any image that moto knows; nothing ever starts from it.
IMAGE = "ami-12c6146b"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Hosts:
    """The machines that one attempt of a job has, main node first."""

    environment: str
    machines: tuple[str, ...]
    vcpus: int


class HostPool:
    """Gives machines to jobs as long as their compute environments have vCPUs left, and takes them back."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def acquire(self, job: BatchJob) -> Hosts | None:
        """Wait for room in the first environment of the job's queue that has some; None once the job is ended."""
        vcpus = vcpus_of(job)
        while not job.terminate_reason and not self._site.leashes.closed:
            for environment in self._environments(job):
                if self._reserve(environment, vcpus):
                    machines = tuple(self._launch(job, environment) for _ in range(job.nodes))
                    return Hosts(environment["computeEnvironmentName"], machines, vcpus)
            time.sleep(POLL_SECONDS)
        return None

    def release(self, job: BatchJob, hosts: Hosts) -> None:
        """End the machines, as Batch does when nothing waits for them."""
        with self._lock:
            self._used[hosts.environment] -= hosts.vcpus
        self._site.cloud.client("ec2", job.region).terminate_instances(InstanceIds=list(hosts.machines))

    def _environments(self, job: BatchJob) -> Sequence[Payload]:
        batch = self._site.cloud.client("batch", job.region)
        (queue,) = batch.describe_job_queues(jobQueues=[job.queue["jobQueueArn"]])["jobQueues"] or [job.queue]
        order = [
            one["computeEnvironment"] for one in sorted(queue["computeEnvironmentOrder"], key=lambda x: x["order"])
        ]
        found = batch.describe_compute_environments(computeEnvironments=order)["computeEnvironments"]
        by_arn = {one["computeEnvironmentArn"]: one for one in found if one.get("state") != "DISABLED"}
        return [by_arn[arn] for arn in order if arn in by_arn]

    def _reserve(self, environment: Payload, vcpus: int) -> bool:
        name = environment["computeEnvironmentName"]
        with self._lock:
            used = self._used.get(name, 0)
            if used + vcpus > environment["computeResources"]["maxvCpus"]:
                return False
            self._used[name] = used + vcpus
            return True

    def _launch(self, job: BatchJob, environment: Payload) -> str:
        machines = environment["computeResources"]
        request: dict[str, Any] = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
        request |= {"InstanceType": machines["instanceTypes"][0], "SubnetId": machines["subnets"][0]}
        if machines["type"] == "SPOT":
            request["InstanceMarketOptions"] = {"MarketType": "spot"}
        if groups := machines.get("securityGroupIds"):
            request["SecurityGroupIds"] = groups
        if template := machines.get("launchTemplate"):
            request["LaunchTemplate"] = {
                "LaunchTemplateId": template["launchTemplateId"],
                "Version": template.get("version") or "$Default",
            }
        reservation = self._site.cloud.client("ec2", job.region).run_instances(**request)
        return str(reservation["Instances"][0]["InstanceId"])
