"""A cluster says what is wrong with it before anything is created."""

import pytest

from infra.spec import ClusterScheduleSpec, ClusterSpec, SpecError

ALIKE = ("m6i.xlarge", "m7i.xlarge", "c6i.xlarge", "r6i.xlarge")


def cluster(**fields: object) -> ClusterSpec:
    whole: dict[str, object] = {"name": "shared", "worker_types": ALIKE, "max_workers": 4}
    return ClusterSpec(**(whole | fields))  # type: ignore[arg-type]


def said(**fields: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        cluster(**fields)
    return [str(problem) for problem in caught.value.problems]


def test_defaults_cost_one_small_machine() -> None:
    spec = cluster()
    assert (spec.min_workers, spec.on_demand_workers, spec.on_demand_percent) == (0, 0, 0)
    assert spec.drain_heartbeat_seconds > spec.termination_grace_seconds


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a" * 13),
        ("name", "Shared"),
        ("engine", "dask"),
        ("ray_version", "latest"),
        ("worker_types", ()),
        ("min_workers", -1),
        ("max_workers", 0),
        ("on_demand_percent", 101),
        ("idle_minutes", 0),
        ("termination_grace_seconds", 5),
        ("termination_grace_seconds", 7001),
        ("head_volume_gb", 8),
        ("worker_volume_gb", 29),
        ("capacity_reservation", "reserved"),
    ],
)
def test_a_bad_value_is_named_with_what_the_field_takes(field: str, value: object) -> None:
    (problem, *_) = said(**{field: value})
    assert f"{field}={value!r}" in problem
    assert "; give " in problem


@pytest.mark.parametrize("field", ["min_workers", "on_demand_workers"])
def test_sizes_are_in_order(field: str) -> None:
    expected = f"cluster 'shared': {field}=5 is above max_workers=4; raise max_workers or lower {field}"
    assert said(**{field: 5}) == [expected]


def test_spot_wants_types_to_choose_from() -> None:
    assert said(worker_types=("g5.xlarge", "g6.xlarge", "g5.xlarge")) == [
        "cluster 'shared': worker_types=('g5.xlarge', 'g6.xlarge', 'g5.xlarge') are 2 types where spot wants 4 to "
        "choose from; add some of g4dn.xlarge, g6e.xlarge, or name a capacity_reservation"
    ]


def test_a_reservation_holds_one_type_on_demand() -> None:
    reserved = "cr-0123456789abcdef0"
    spec = cluster(worker_types=("p5.48xlarge",), capacity_reservation=reserved, on_demand_percent=100)
    assert spec.capacity_reservation == reserved
    assert [problem.split(";")[1] for problem in said(capacity_reservation=reserved)] == [
        " name the type that is reserved",
        " set on_demand_percent=100",
    ]


def test_workers_are_alike_and_the_head_fits_their_image() -> None:
    assert said(worker_types=(*ALIKE, "m7i.2xlarge")) == [
        "cluster 'shared': instance type 'm7i.2xlarge' has 8 x86_64 vCPUs and 0 GPUs where 'm6i.xlarge' has 4 x86_64 "
        "vCPUs and 0 GPUs; keep types of one size in a cluster and write a second cluster"
    ]
    assert "one image runs on both" in said(head_type="m7g.large")[0]
    assert "has 1 GPUs that no task would use; choose an m or r type" in said(head_type="g5.xlarge")[0]


def test_an_unknown_type_offers_the_nearest() -> None:
    assert "instance type 'm7i.lage' is no known EC2 type; did you mean" in said(head_type="m7i.lage")[0]
    assert "instance type 'm7i.xlage' is no known EC2 type" in said(worker_types=("m7i.xlage", *ALIKE))[0]


def test_names_are_unique_in_a_region() -> None:
    from infra.spec import NetworkSpec, RegionSpec

    with pytest.raises(SpecError, match="clusters: 'shared' is there 2 times"):
        RegionSpec(name="us-east-1", network=NetworkSpec(cidr="10.0.0.0/16"), clusters=(cluster(), cluster()))


def test_schedules_have_names_of_their_own_and_bounds_in_order() -> None:
    day = ClusterScheduleSpec(name="day", at="0 6 * * MON-FRI", min_workers=2, max_workers=20)
    with pytest.raises(SpecError, match="'day' is there 2 times"):
        cluster(schedules=(day, day))
    with pytest.raises(SpecError, match="min_workers=3 is above max_workers=2"):
        ClusterScheduleSpec(name="day", at="0 6 * * *", min_workers=3, max_workers=2)
    with pytest.raises(SpecError, match="five fields"):
        ClusterScheduleSpec(name="day", at="cron(0 6 ? * MON-FRI *)", min_workers=1, max_workers=2)


def test_quotas_count_what_a_schedule_lets_a_cluster_have() -> None:
    day = ClusterScheduleSpec(name="day", at="0 6 * * MON-FRI", min_workers=2, max_workers=20)
    assert cluster(max_workers=4, schedules=(day,)).most_workers == 20
    assert sum(need.amount for need in cluster(max_workers=4, schedules=(day,)).quota_needs) > sum(
        need.amount for need in cluster(max_workers=4).quota_needs
    )
