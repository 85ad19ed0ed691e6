"""Which machines take part in a run, as SageMaker or AWS Batch tells each of them."""

import json

from ml.contract import Container, Machine
from ml.errors import InputError


def here(container: Container) -> Machine:
    """Return this machine among those of its run; where nobody says a word it is the only one."""
    if container.machine:
        return container.machine
    path = container.configuration / "resourceconfig.json"
    resources = json.loads(path.read_text()) if path.exists() else {}
    hosts = resources.get("hosts", ["localhost"])
    current = resources.get("current_host", hosts[0])
    if current not in hosts:
        raise InputError(
            "resourceconfig.json", f"current_host={current!r}", f"is not one of hosts={hosts}", "mend the file"
        )
    return Machine(number=hosts.index(current), count=len(hosts), main=hosts[0])


def processes(wanted: int | None) -> int:
    """Return how many processes a machine runs: what was asked for, or one for each GPU."""
    if wanted is not None:
        return wanted
    import torch

    return max(1, torch.cuda.device_count())
