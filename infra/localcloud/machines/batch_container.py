"""What the container of a Batch job is: its command, its variables, its share of the machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.localcloud import instance_metadata
from infra.localcloud.cloud import Payload
from infra.localcloud.machines.batch_job import BatchJob
from infra.localcloud.machines.container import IMAGE_ENTRYPOINT

DEFAULT_GROUP = "/aws/batch/job"


@dataclass(frozen=True)
class BatchContainer:
    """The container of one node, as its definition says and its request overrides."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    vcpus: int | None
    memory_bytes: int | None
    mounts: tuple[str, ...]
    log_group: str
    log_prefix: str

    @property
    def asks_its_machine(self) -> bool:
        """Whether it is told where the machine's metadata are."""
        return instance_metadata.ADDRESS in self.variables.values()

    def environment(self, base: Path, metadata_url: str | None) -> dict[str, str]:
        """Its variables; those that name a mounted volume, or the machine's metadata, name what stands for it here."""
        found = {}
        for name, value in self.variables.items():
            if metadata_url and value == instance_metadata.ADDRESS:
                found[name] = metadata_url
                continue
            mount = next((one for one in self.mounts if value == one or value.startswith(f"{one}/")), None)
            found[name] = str(base / "mounts" / value.lstrip("/")) if mount else value
        return found

    def make_mounts(self, base: Path) -> None:
        """An empty folder for each mounted volume."""
        for path in self.mounts:
            (base / "mounts" / path.lstrip("/")).mkdir(parents=True, exist_ok=True)


def container_of(job: BatchJob, node: int) -> BatchContainer:
    """Return the container that node `node` of `job` runs."""
    given, overrides = _properties(job, node), _overrides(job, node)
    parameters = job.definition.get("parameters", {}) | job.request.get("parameters", {})
    command = overrides.get("command") or given.get("command") or ()
    needs = {one["type"]: one["value"] for one in given.get("resourceRequirements") or []}
    needs |= {one["type"]: one["value"] for one in overrides.get("resourceRequirements") or []}
    variables = {
        one["name"]: one["value"] for one in (*given.get("environment", ()), *overrides.get("environment", ()))
    }
    options: Payload = (given.get("logConfiguration") or {}).get("options") or {}
    return BatchContainer(
        command=(*IMAGE_ENTRYPOINT, *(_filled(word, parameters) for word in command)),
        variables=variables,
        vcpus=max(1, int(float(needs["VCPU"]))) if "VCPU" in needs else None,
        memory_bytes=int(needs["MEMORY"]) * 2**20 if "MEMORY" in needs else None,
        mounts=tuple(mount["containerPath"] for mount in given.get("mountPoints") or ()),
        log_group=options.get("awslogs-group", DEFAULT_GROUP),
        log_prefix=str(options.get("awslogs-stream-prefix") or job.definition["jobDefinitionName"]),
    )


def vcpus_of(job: BatchJob) -> int:
    """How many vCPUs the job takes of its compute environment."""
    return sum(container_of(job, node).vcpus or 1 for node in range(job.nodes))


def _properties(job: BatchJob, node: int) -> Payload:
    if "nodeProperties" not in job.definition:
        found: Payload = job.definition["containerProperties"]
        return found
    return _of_node(job.definition["nodeProperties"]["nodeRangeProperties"], node, "container")


def _overrides(job: BatchJob, node: int) -> Payload:
    ranges = job.request.get("nodeOverrides", {}).get("nodePropertyOverrides")
    if ranges:
        return _of_node(ranges, node, "containerOverrides")
    found: Payload = job.request.get("containerOverrides") or {}
    return found


def _of_node(ranges: list[dict[str, Any]], node: int, member: str) -> Payload:
    """The last range that holds the node counts: `0:`, `1:3`, `2`."""
    found: Payload = {}
    for one in ranges:
        first, colon, last = one["targetNodes"].partition(":")
        if int(first or 0) <= node <= (int(last) if last else 10**6 if colon else int(first)):
            found = one.get(member) or {}
    return found


def _filled(word: str, parameters: Mapping[str, str]) -> str:
    return parameters.get(word[5:], word) if word.startswith("Ref::") else word
