"""A small cluster, and the scripts that its machines start with."""

import pytest

from infra.spec import ClusterSpec
from infra.spec.contract import ClusterContract
from infra.user_data import head_script, worker_script

SPEC = ClusterSpec(
    name="shared",
    worker_types=("g5.xlarge", "g6.xlarge", "g4dn.xlarge", "g6e.xlarge"),
    max_workers=8,
    idle_minutes=15,
    termination_grace_seconds=90,
)
CONTRACT = ClusterContract(
    engine="ray",
    image_uri="555555555555.dkr.ecr.us-east-1.amazonaws.com/groundplan-dev-ml:v1-ray-2.60.0",
    head_address="head.shared.dev.groundplan.internal",
    head_group="groundplan-dev-cluster-shared-head",
    workers_group="groundplan-dev-cluster-shared-workers",
    log_group="/groundplan/dev/clusters/shared",
    artifact_bucket="groundplan-dev-us-east-1-555555555555-artifacts",
    artifact_prefix="clusters/shared/",
)


@pytest.fixture(scope="session")
def head() -> str:
    return head_script(SPEC, CONTRACT, region="us-east-1", zone_id="Z0123456789ABCDEFGHIJ")


@pytest.fixture(scope="session")
def worker() -> str:
    return worker_script(SPEC, CONTRACT, region="us-east-1")
