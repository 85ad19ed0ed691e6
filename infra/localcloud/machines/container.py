"""What a container of SageMaker finds when it starts: its command, its folders, its configuration."""

import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.localcloud.cloud import Payload

IMAGE_ENTRYPOINT = (sys.executable, "-m", "ml")
"""What every image of this cloud runs; `train` or `serve` is appended, as in `docker run IMAGE train`."""

ROOT = "/opt/ml"
TEMPORARY = "groundplan-"


def training_command(algorithm: Payload) -> tuple[str, ...]:
    """The argv of a training container: a given entry point replaces the image's, arguments replace `train`."""
    entrypoint: Sequence[str] = algorithm.get("ContainerEntrypoint") or ()
    arguments: Sequence[str] = algorithm.get("ContainerArguments") or ()
    return (*entrypoint, *arguments) if entrypoint else (*IMAGE_ENTRYPOINT, *(arguments or ("train",)))


def in_container(base: Path, path: str) -> Path:
    """Where `/opt/ml/x` lies on this machine. Raises ValueError for paths elsewhere in the container."""
    inside = Path(os.path.normpath(path))
    if not inside.is_relative_to(ROOT):
        raise ValueError(f"{path!r} is not below {ROOT}, the one folder that a container shares here")
    return base / inside.relative_to(ROOT)


def make_folders(base: Path) -> None:
    """An empty /opt/ml, made anew, with a folder for temporary files."""
    remove_folders(base)
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (base / name).mkdir(parents=True)
    # Elsewhere, for programs put sockets there, whose paths may have some 100 characters and no more.
    (base / "tmp").symlink_to(tempfile.mkdtemp(prefix=TEMPORARY))


def remove_folders(root: Path) -> None:
    """Remove one container's folders, or those of all containers below `root`, with their temporary files."""
    for link in itertools.chain.from_iterable(root.glob(f"{'*/' * depth}tmp") for depth in range(4)):
        # A program may have made a link of that name too; only what was made above is ours to remove.
        if link.is_symlink() and link.readlink().name.startswith(TEMPORARY):
            shutil.rmtree(Path(tempfile.gettempdir()) / link.readlink().name, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)


def write_training_config(base: Path, request: Payload, hosts: list[str], host: str) -> None:
    """The three files that tell a training container what it is asked, what it is given, and where it runs."""
    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": resources["InstanceType"], "hosts": hosts}
    config: dict[str, Any] = {
        "hyperparameters": request.get("HyperParameters") or {},
        "inputdataconfig": {
            channel["ChannelName"]: {
                "TrainingInputMode": channel.get("InputMode") or algorithm["TrainingInputMode"],
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
            }
            for channel in request.get("InputDataConfig") or []
        },
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": resources["InstanceType"],
            "current_group_name": group["instance_group_name"],
            "hosts": hosts,
            "instance_groups": [group],
            # All hosts of a job are processes of this machine, so the loopback carries their traffic.
            "network_interface_name": "lo0" if sys.platform == "darwin" else "lo",
        },
    }
    for name, content in config.items():
        (base / "input/config" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def failure_text(base: Path) -> str:
    """What the program wrote to output/failure, if it did."""
    try:
        return (base / "output/failure").read_text(errors="replace").strip()
    except OSError:
        return ""
