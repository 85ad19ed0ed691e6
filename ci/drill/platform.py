"""The least of a platform that jobs need, on an embedded cloud of its own: made in seconds, gone with it.

What jobs are told and how they run is as on a platform that was deployed; what surrounds them there is left out.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environments
from ci.drill.pools import RETRY, TRUST, make_queue
from ci.site import Site
from ci.workspace import ROOT, Workspace
from infra import localcloud
from infra.spec import ClusterSpec, Environment, GpuNeed, GpuPoolSpec
from infra.spec.contract import ClusterContract, PoolContract, TrainingContract
from ml.contract import ARTIFACT_BUCKET_VARIABLE, DATA_BUCKET_VARIABLE

POOLS = (
    GpuPoolSpec(name="one", need=GpuNeed(gpus=1), max_nodes=2),
    GpuPoolSpec(name="two", need=GpuNeed(gpus=1), purchase="on-demand", nodes=2, max_nodes=2),
)
CLUSTER = ClusterSpec(
    name="shared", worker_types=("m6i.xlarge", "m7i.xlarge", "c6i.xlarge", "r6i.xlarge"), max_workers=2
)
BUCKETS = {"data": "launchers-data", "artifacts": "launchers-artifacts"}
IMAGE = "example/ml:v1"
# A run has as many threads in all on whichever pool, as on ml.m5.large.
VCPUS = 2
MEMORY_MB = "4096"


@contextmanager
def running(home: Path, program: Path = ROOT) -> Iterator[Site]:
    """Run a cloud with what training jobs need, on SageMaker and on the pools `one` and `two`, by their machines."""
    folder = home / "clouds" / "launchers"
    folder.mkdir(parents=True)
    # What is announced here two minutes before on AWS.
    (folder / "settings.json").write_text('{"reclaim_notice_seconds": 0.1}')
    record = localcloud.start("launchers", home, program=program)
    try:
        site = Site(_environment(), Workspace(root=program, home=home), record.url)
        for bucket in BUCKETS.values():
            site.client("s3").create_bucket(Bucket=bucket)
        role = site.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        _tell(site, TrainingContract.parameter_name(site.environment.project, site.name), _training(role))
        for pool in POOLS:
            prepare_pool(site, pool, BUCKETS)
        _prepare_cluster(site)
        yield site
    finally:
        localcloud.stop("launchers", home)


def _environment() -> Environment:
    local = environments.load("local")
    home = local.regions[0].model_copy(update={"gpu_pools": POOLS, "clusters": (CLUSTER,)})
    return local.model_copy(update={"regions": (home,)})


def _tell(site: Site, name: str, contract: TrainingContract | PoolContract | ClusterContract) -> None:
    site.client("ssm").put_parameter(Name=name, Value=contract.model_dump_json(), Type="String")


def _training(role: str) -> TrainingContract:
    return TrainingContract(
        role_arn=role,
        image_uri=IMAGE,
        data_bucket=BUCKETS["data"],
        artifact_bucket=BUCKETS["artifacts"],
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/launchers",
        instance_type="ml.m5.large",
        volume_gb=30,
        max_runtime_seconds=1800,
        spot=False,
        events_queue="none",
        subnet_ids=(),
        security_group_ids=(),
    )


def prepare_pool(site: Site, pool: GpuPoolSpec, buckets: Mapping[str, str]) -> None:
    """Make a pool's machines, its queues and its job definition, and hand over what a launcher must know of it."""
    batch, group = site.client("batch"), f"/launchers/{pool.name}"
    definition = batch.register_job_definition(
        jobDefinitionName=pool.name, retryStrategy=RETRY, **_definition(pool, _container(pool, group, buckets))
    )["jobDefinitionArn"]
    kinds = ["SPOT" if pool.purchase == "spot" else "EC2", "EC2"]
    queues = tuple(
        make_queue(site.client, name, kind) for name, kind in zip(pool.queues(f"pool-{pool.name}"), kinds, strict=False)
    )
    contract = PoolContract(
        queue_arns=queues, job_definition_arn=definition, log_group=group, events_queue="none", **pool.terms
    )
    _tell(site, PoolContract.parameter_name(site.environment.project, site.name, pool.name), contract)


def _prepare_cluster(site: Site) -> None:
    """Hand over where a cluster's orders and lines go; its machines are somebody else's."""
    contract = ClusterContract(
        engine="ray",
        image_uri=IMAGE,
        head_address="127.0.0.1",
        head_group="none",
        workers_group="none",
        log_group=f"/launchers/clusters/{CLUSTER.name}",
        artifact_bucket=BUCKETS["artifacts"],
        artifact_prefix=f"clusters/{CLUSTER.name}/",
    )
    site.client("logs").create_log_group(logGroupName=contract.log_group)
    _tell(site, ClusterContract.parameter_name(site.environment.project, site.name, CLUSTER.name), contract)


def _container(pool: GpuPoolSpec, group: str, buckets: Mapping[str, str]) -> dict[str, Any]:
    variables = {DATA_BUCKET_VARIABLE: buckets["data"], ARTIFACT_BUCKET_VARIABLE: buckets["artifacts"]}
    needs = {"VCPU": str(VCPUS // pool.nodes), "MEMORY": MEMORY_MB}
    return {
        "image": IMAGE,
        "command": ["train"],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        "resourceRequirements": [{"type": kind, "value": amount} for kind, amount in needs.items()],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": group, "awslogs-stream-prefix": pool.name},
        },
    }


def _definition(pool: GpuPoolSpec, container: dict[str, Any]) -> dict[str, Any]:
    if pool.nodes == 1:
        return {"type": "container", "containerProperties": container}
    nodes = [{"targetNodes": "0:", "container": container}]
    return {
        "type": "multinode",
        "nodeProperties": {"mainNode": 0, "numNodes": pool.nodes, "nodeRangeProperties": nodes},
    }
