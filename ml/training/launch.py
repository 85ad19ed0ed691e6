"""Several machines or GPUs: SageMaker starts `train` once a machine, torchrun then starts the processes."""

import json
import os
import sys

from ml.contract import Container
from ml.errors import InputError

PORT = 29400


def command(container: Container) -> list[str] | None:
    """Return the torchrun command for this machine's part of the run, or None where one process is the whole run."""
    import torch

    path = container.configuration / "resourceconfig.json"
    resources = json.loads(path.read_text()) if path.exists() else {}
    hosts = resources.get("hosts", ["localhost"])
    current = resources.get("current_host", hosts[0])
    if current not in hosts:
        raise InputError(
            "resourceconfig.json", f"current_host={current!r}", f"is not one of hosts={hosts}", "mend the file"
        )
    processes = max(1, torch.cuda.device_count())
    if len(hosts) == 1 and processes == 1:
        return None
    return [
        sys.executable, "-m", "torch.distributed.run",
        f"--nnodes={len(hosts)}", f"--node-rank={hosts.index(current)}", f"--nproc-per-node={processes}",
        f"--master-addr={hosts[0]}", f"--master-port={PORT}", "-m", "ml", "train",
    ]  # fmt: skip


def become(command: list[str]) -> None:
    """Replace this process, so that the platform's SIGTERM reaches torchrun, which hands it to its workers."""
    os.execv(command[0], command)  # noqa: S606
