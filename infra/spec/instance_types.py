"""What an EC2 instance type is: looked up offline, so that a wrong name is found before anything is created."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("instance_types.csv")


@dataclass(frozen=True)
class InstanceType:
    """The facts that sizing needs. `gpus` counts NVIDIA devices; `efa` the EFA interfaces (0: no EFA)."""

    name: str
    vcpus: int
    memory_gib: float
    architecture: str
    gpus: int
    gpu_memory_gib: float
    accelerator: str
    efa: int


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
        )
        for row in csv.DictReader(lines)
    }
