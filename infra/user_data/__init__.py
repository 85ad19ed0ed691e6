"""What a machine does when it starts: one script that lays down these files and runs `set-up.sh`.

The files are what they are on the machine; only `settings` is rendered. Golden files in the tests show the whole.
"""

from collections.abc import Mapping
from pathlib import Path

from infra.spec import ClusterSpec
from infra.spec.clusters import DRAIN_HOOK, LAUNCH_HOOK, METRIC_NAME, METRIC_NAMESPACE
from infra.spec.contract import ClusterContract

HEAD_FILES = (
    *("machine.sh", "set-up.sh", "ray.sh", "scale.sh", "jobs.sh"),
    *("ray.service", "scale.service", "scale.timer", "jobs.service"),
)
WORKER_FILES = ("machine.sh", "set-up.sh", "ray.sh", "drain.sh", "ray.service", "drain.service")

_FOLDER = Path(__file__).parent
_END = "END_OF_FILE"


def head_script(spec: ClusterSpec, contract: ClusterContract, *, region: str, zone_id: str) -> str:
    """Return what the head runs at its first start. Values that Terraform knows later may stand in it."""
    own = {
        "AGENT": "scale.timer",
        "FOLDER": f"s3://{contract.artifact_bucket}/{contract.artifact_prefix}",
        "GPUS": "0",
        "GROUP": contract.head_group,
        "IDLE_SECONDS": str(60 * spec.idle_minutes),
        "KIND": "head",
        "METRIC_NAME": METRIC_NAME,
        "METRIC_NAMESPACE": METRIC_NAMESPACE,
        "WORKERS_GROUP": contract.workers_group,
        "WORKER_CPUS": str(spec.worker.vcpus),
        "WORKER_GPUS": str(spec.worker.gpus),
        "ZONE_ID": zone_id,
    }
    return _script(f"The head of the cluster {spec.name}.", _common(spec, contract, region) | own, HEAD_FILES)


def worker_script(spec: ClusterSpec, contract: ClusterContract, *, region: str) -> str:
    """Return what each worker runs at its first start. Values that Terraform knows later may stand in it."""
    own = {
        "AGENT": "drain.service",
        "DRAIN_HOOK": DRAIN_HOOK,
        "GPUS": str(spec.worker.gpus),
        "GRACE_SECONDS": str(spec.termination_grace_seconds),
        "GROUP": contract.workers_group,
        "KIND": "worker",
    }
    return _script(f"A worker of the cluster {spec.name}.", _common(spec, contract, region) | own, WORKER_FILES)


def _common(spec: ClusterSpec, contract: ClusterContract, region: str) -> dict[str, str]:
    return {
        "AWS_REGION": region,
        "CLUSTER": spec.name,
        "DASHBOARD_PORT": str(contract.dashboard_port),
        "HEAD_ADDRESS": contract.head_address,
        "IMAGE": contract.image_uri,
        "JOIN_SECONDS": str(spec.join_seconds),
        "LAUNCH_HOOK": LAUNCH_HOOK,
        "LOG_GROUP": contract.log_group,
        "RAY_PORT": str(contract.port),
    }


def _script(what: str, settings: Mapping[str, str], files: tuple[str, ...]) -> str:
    lines = "".join(f"{name}='{value}'\n" for name, value in sorted(settings.items()))
    parts = [
        f'#!/bin/bash\n# {what} Made by infra/user_data.\nset -euo pipefail\nROOT="${{GROUNDPLAN_ROOT:-}}"\n',
        'install -d "$ROOT/opt/groundplan" "$ROOT/etc/systemd/system" "$ROOT/run"\n',
        _laid_down("opt/groundplan/settings", lines),
        *(_laid_down(_place(name), (_FOLDER / name).read_text()) for name in files),
        'chmod 755 "$ROOT"/opt/groundplan/*.sh\nexec "$ROOT/opt/groundplan/set-up.sh"\n',
    ]
    return "".join(parts)


def _place(name: str) -> str:
    return f"opt/groundplan/{name}" if name.endswith(".sh") else f"etc/systemd/system/{name}"


def _laid_down(path: str, text: str) -> str:
    return f"cat >\"$ROOT/{path}\" <<'{_END}'\n{text}{_END}\n"
