"""A pool refuses what AWS would refuse or regret later, and names the types that would do."""

import pytest

from infra.spec import FairShareSpec, GpuNeed, GpuPoolSpec, SpecError
from infra.spec.instance_types import instance_types

EVEN = {"name": "a", "max_nodes": 2}


def said(**fields: object) -> str:
    with pytest.raises(SpecError) as caught:
        GpuPoolSpec(**(EVEN | fields))  # type: ignore[arg-type]
    return str(caught.value)


def test_a_narrow_spot_pool_is_told_what_would_fit() -> None:
    assert said(instance_types=("g5.xlarge", "g4dn.xlarge")) == (
        "gpu pool 'a': instance_types=('g5.xlarge', 'g4dn.xlarge') are 2 types of spot machine, which one shortage "
        "takes all away; name 4 or more; 'g6.xlarge', 'g6e.xlarge' would fit; or lower least_types"
    )
    assert GpuPoolSpec(name="a", max_nodes=2, instance_types=("g5.xlarge",), least_types=1).types == ("g5.xlarge",)


def test_where_ec2_has_few_alike_all_of_them_are_enough() -> None:
    like = [name for name, fact in instance_types().items() if fact.size == (48, 2, "x86_64") and "s" in fact.usage]
    assert 1 < len(like) < 4
    assert GpuPoolSpec(name="a", max_nodes=2, instance_types=tuple(like)).types == tuple(like)


def test_types_are_found_by_what_is_needed() -> None:
    pool = GpuPoolSpec(name="a", max_nodes=2, need=GpuNeed(gpus=8, gpu_memory_gib=80.0))
    assert len(pool.types) >= 4
    assert "p5.48xlarge" in pool.types
    assert {fact.size for fact in pool.facts} == {(192, 8, "x86_64")}
    assert all(fact.memory_gib_per_gpu >= 80 for fact in pool.facts)
    assert pool.memory_mib_per_node < min(fact.memory_gib for fact in pool.facts) * 1024


@pytest.mark.parametrize(
    "need",
    [
        GpuNeed(gpus=1, nvme_gb=400),
        GpuNeed(gpus=4, network_gbps=40.0, efa=1),
        GpuNeed(gpus=1, accelerators=("L4",), memory_gib=64.0),
        GpuNeed(gpus=1, vcpus=32),
    ],
)
def test_every_type_that_is_found_has_all_that_is_needed(need: GpuNeed) -> None:
    for name in need.types("s", 4):
        fact = instance_types()[name]
        assert (fact.gpus, fact.architecture) == (need.gpus, "x86_64")
        assert fact.nvme_gb >= need.nvme_gb
        assert fact.efa >= need.efa
        assert fact.network_gbps >= need.network_gbps
        assert fact.memory_gib >= need.memory_gib
        assert need.vcpus in (None, fact.vcpus)
        assert not need.accelerators or fact.accelerator in need.accelerators


def test_a_need_that_nothing_fits_is_told_what_comes_near() -> None:
    text = said(need=GpuNeed(gpus=1, gpu_memory_gib=500.0))
    assert text.startswith("gpu pool 'a': need=GpuNeed(gpus=1, gpu_memory_gib=500.0) fits no type that is sold as spot")
    assert "ask for less; 'g7e." in text


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "instance_types=() is empty, and there is no need; name types, or write need="),
        ({"instance_types": ("g5.xlarge",), "need": GpuNeed()}, "is beside a need"),
        ({"need": GpuNeed(), "nodes": 2}, "nodes=2 makes multi-node jobs, which Batch does not run on spot machines"),
        ({"need": GpuNeed(), "nodes": 3, "purchase": "on-demand"}, "nodes=3 is above max_nodes=2; raise max_nodes"),
        ({"instance_types": ("p5.48xlarge",), "purchase": "capacity-block"}, "needs the block that was bought"),
        ({"instance_types": ("g5.xlarge",), "purchase": "capacity-block"}, "is not sold as capacity-block"),
        ({"need": GpuNeed(), "capacity_reservation": "cr-0123456789abcdef0"}, "which a spot pool has not"),
        ({"need": GpuNeed(), "shared_memory_gb": 9}, "shared_memory_gb=9 is more than half of a node's 16 GiB"),
        ({"need": GpuNeed(architecture="arm64")}, "are arm64, for which Batch has no GPU image; set image_id="),
        ({"instance_types": ("p3.2xlarge",)}, "'p3.2xlarge' is not sold as spot; choose of"),
        ({"need": GpuNeed(), "capacity_wait_seconds": 60}, "capacity_wait_seconds=60 is below 600"),
        ({"need": GpuNeed(), "reclaims_before_on_demand": 0}, "reclaims_before_on_demand=0 is below 1"),
        ({"need": GpuNeed(), "attempts": 11}, "attempts=11 is above 10"),
        ({"need": GpuNeed(), "timeout_seconds": 1}, "timeout_seconds=1 is below 60"),
        ({"need": GpuNeed(), "image_id": "my-image"}, "image_id='my-image'"),
        ({"need": GpuNeed(), "capacity_reservation": "block"}, "capacity_reservation='block'"),
        ({"need": GpuNeed(), "purchase": "cheap"}, "purchase='cheap'"),
        ({"need": GpuNeed(), "log_days": 8}, "log_days=8"),
        ({"need": GpuNeed(), "fair_share_seconds": 1}, "fair_share_seconds=1 is below 600"),
        (
            {"instance_types": ("p5.48xlarge", "p5en.48xlarge"), "purchase": "on-demand", "nodes": 2},
            "'p5en.48xlarge' has 16 EFA interfaces where 'p5.48xlarge' has 32",
        ),
    ],
)
def test_what_does_not_go_together_is_said(fields: dict[str, object], rule: str) -> None:
    assert rule in said(**fields)


@pytest.mark.parametrize(("field", "value"), [("name", "a b"), ("weight", 0.0)])
def test_a_share_is_what_batch_takes(field: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"{field}="):
        FairShareSpec(**({"name": "a"} | {field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "value"), [("gpus", 0), ("gpu_memory_gib", 0.0), ("architecture", "mips")])
def test_a_need_is_of_this_world(field: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"{field}="):
        GpuNeed(**{field: value})  # type: ignore[arg-type]


def test_only_nodes_of_one_job_get_a_fabric() -> None:
    wide = {"name": "a", "instance_types": ("p4d.24xlarge",), "purchase": "on-demand", "max_nodes": 2}
    assert GpuPoolSpec(**wide).efa_interfaces == 0  # type: ignore[arg-type]
    assert GpuPoolSpec(**wide, nodes=2).efa_interfaces == 4  # type: ignore[arg-type]
    assert GpuPoolSpec(**wide, nodes=2, efa=False).efa_interfaces == 0  # type: ignore[arg-type]
