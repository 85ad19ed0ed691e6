"""A network's words refuse what its plan, or its bill, would show too late."""

import pytest

from infra.spec import JOB_SERVICES, ExistingNetworkSpec, FlowLogSpec, NetworkSpec, SpecError

VPC = "vpc-0a1b2c3d"


def message(build: object) -> str:
    with pytest.raises(SpecError) as caught:
        build()  # type: ignore[operator]
    return str(caught.value)


def test_endpoints_stand_in_for_a_missing_way_out() -> None:
    cidr = "10.0.0.0/16"
    assert NetworkSpec(cidr=cidr, nat="none").interface_services == JOB_SERVICES
    assert NetworkSpec(cidr=cidr).interface_services == ()
    assert NetworkSpec(cidr=cidr, nat="none", interface_endpoints=()).interface_services == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"interface_endpoints": ("ecr.apis",)}, "interface_endpoints[0]='ecr.apis' is none of"),
        ({"interface_endpoints": ("ecr.apis",)}, "; did you mean 'ecr.api'"),
        ({"interface_endpoints": ("sts", "sts")}, "interface_endpoints=('sts', 'sts') names a service twice"),
        ({"gateway_endpoints": ("s3", "s3")}, "names a service twice; name each once"),
        ({"outside_buckets": ("Not A Bucket",)}, "outside_buckets[0]='Not A Bucket' is not of the form"),
        ({"flow_logs": (FlowLogSpec(), FlowLogSpec(kept_days=30))}, "writes two records to one place"),
    ],
)
def test_bad_networks(fields: dict[str, object], said: str) -> None:
    assert said in message(lambda: NetworkSpec(cidr="10.0.0.0/16", **fields))  # type: ignore[arg-type]


def test_flow_logs_are_kept_for_as_long_as_cloudwatch_knows() -> None:
    assert message(lambda: FlowLogSpec(kept_days=31)).startswith(
        "flow log: kept_days=31 is no retention that CloudWatch Logs knows; give a retention of CloudWatch Logs: 30,"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"vpc_id": "main"}, "existing network: vpc_id='main' is not of the form that it must have; give a VPC's id"),
        ({"subnet_ids": ()}, "existing network: subnet_ids=() holds fewer than 1"),
        ({"subnet_ids": ("subnet-0a1b2c3d",) * 2}, "names a subnet twice; name each once"),
    ],
)
def test_bad_existing_networks(fields: dict[str, object], said: str) -> None:
    whole: dict[str, object] = {"vpc_id": VPC, "cidr": "10.0.0.0/16", "subnet_ids": ("subnet-0a1b2c3d",)}
    assert said in message(lambda: ExistingNetworkSpec(**(whole | fields)))  # type: ignore[arg-type]
