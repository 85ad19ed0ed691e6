"""What an EC2 instance type is: looked up offline, so that a wrong name is found before anything is created."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("instance_types.csv")


@dataclass(frozen=True)
class InstanceType:
    """The facts that sizing needs.

    `gpus` counts NVIDIA devices and `gpu_memory_gib` is that of all of them; `efa` counts EFA interfaces (0: no EFA),
    one on each of the last network cards; `network_gbps` is what the machine can always send; `nvme_gb` is its
    instance store; `usage` holds o for on demand, s for spot and c for capacity blocks.
    """

    name: str
    vcpus: int
    memory_gib: float
    architecture: str
    gpus: int
    gpu_memory_gib: float
    accelerator: str
    efa: int
    network_cards: int
    network_gbps: float
    nvme_gb: int
    usage: str

    @property
    def size(self) -> tuple[int, int, str]:
        """What the types of one pool share: vCPUs, GPUs, architecture."""
        return self.vcpus, self.gpus, self.architecture

    @property
    def memory_gib_per_gpu(self) -> float:
        """The memory of one GPU, 0 where there is none."""
        return self.gpu_memory_gib / self.gpus if self.gpus else 0.0


@cache
def instance_types() -> dict[str, InstanceType]:
    """Return the table of known types by name."""
    lines = [line for line in _TABLE.read_text().splitlines() if not line.startswith("#")]
    return {
        row["instance_type"]: InstanceType(
            name=row["instance_type"],
            vcpus=int(row["vcpus"]),
            memory_gib=float(row["memory_gib"]),
            architecture=row["architecture"],
            gpus=int(row["gpus"]),
            gpu_memory_gib=float(row["gpu_memory_gib"]),
            accelerator=row["accelerator"],
            efa=int(row["efa"]),
            network_cards=int(row["network_cards"]),
            network_gbps=float(row["network_gbps"]),
            nvme_gb=int(row["nvme_gb"]),
            usage=row["usage"],
        )
        for row in csv.DictReader(lines)
    }
