"""The words refuse what AWS would refuse later, and say how to mend it."""

import pytest
from pydantic import ValidationError

from infra.spec import (
    AwsAccount,
    BudgetSpec,
    EmbeddedCloud,
    EndpointSpec,
    Environment,
    GpuNeed,
    GpuPoolSpec,
    NetworkSpec,
    RegionSpec,
    SpecError,
    StateSpec,
    TrainingSpec,
    gather,
)
from infra.spec.instance_types import instance_types


def region(name: str = "us-east-1", cidr: str = "10.0.0.0/16", **fields: object) -> RegionSpec:
    return RegionSpec(name=name, network=NetworkSpec(cidr=cidr), **fields)  # type: ignore[arg-type]


def environment(*regions: RegionSpec, **fields: object) -> Environment:
    whole: dict[str, object] = {
        "name": "test",
        "account_id": "123456789012",
        "owner": "me",
        "cost_centre": "mine",
        "target": EmbeddedCloud(),
        "state": StateSpec(bucket="state", region="us-east-1"),
        "regions": regions or (region(),),
        "budget": BudgetSpec(monthly_usd=1, emails=("me@example.com",)),
    }
    return Environment(**(whole | fields))  # type: ignore[arg-type]


def message(build: object) -> str:
    with pytest.raises(SpecError) as caught:
        build()  # type: ignore[operator]
    return str(caught.value)


def test_min_above_max_is_said_in_four_parts() -> None:
    said = message(lambda: GpuPoolSpec(name="big", need=GpuNeed(), min_nodes=3, max_nodes=2))
    assert said == "gpu pool 'big': min_nodes=3 is above max_nodes=2; raise max_nodes or lower min_nodes"


def test_misspelt_field_offers_the_nearest() -> None:
    said = message(lambda: EndpointSpec(name="reviews", model="m", hostig=1))  # type: ignore[call-arg]
    assert said == "endpoint 'reviews': hostig=1 is no field of it; did you mean 'hosting'?"


def test_field_like_no_other_lists_all() -> None:
    said = message(lambda: StateSpec(bucket="state", region="us-east-1", colour="red"))  # type: ignore[call-arg]
    assert said == "state: colour='red' is no field of it; it has bucket, region"


def test_unknown_instance_type_offers_the_nearest() -> None:
    said = message(lambda: GpuPoolSpec(name="a", instance_types=("g5.xlage",), max_nodes=1))
    assert said.startswith("gpu pool 'a': instance type 'g5.xlage' is no known EC2 type; did you mean 'g5.xlarge' or")
    said = message(lambda: TrainingSpec(instance_type="ml.m5.lagre"))
    assert "no known SageMaker type; did you mean 'ml.m5.large'" in said


def test_pool_wants_gpus_of_one_size() -> None:
    said = message(lambda: GpuPoolSpec(name="a", instance_types=("g5.xlarge", "g5.2xlarge", "m5.xlarge"), max_nodes=1))
    assert said.endswith("'m5.xlarge' has no NVIDIA GPU; choose a g or p type")
    said = message(lambda: GpuPoolSpec(name="a", instance_types=("g5.xlarge", "g5.2xlarge"), max_nodes=1))
    assert "'g5.2xlarge' has 8 x86_64 vCPUs and 1 GPUs where 'g5.xlarge' has 4 x86_64 vCPUs and 1 GPUs" in said


def test_overlapping_networks_of_two_regions() -> None:
    said = message(lambda: environment(region(), region("eu-west-1", "10.0.128.0/17")))
    assert said == (
        "environment 'test': cidr='10.0.0.0/16' of region 'us-east-1' overlaps cidr='10.0.128.0/17' of region "
        "'eu-west-1'; give each region a network of its own"
    )


@pytest.mark.parametrize("cidr", ["10.0.0.1/16", "10.0.0.0/8", "ten", "::/64"])
def test_network_must_be_a_vpc(cidr: str) -> None:
    assert f"network: cidr={cidr!r} is" in message(lambda: NetworkSpec(cidr=cidr))


def test_names_are_unique() -> None:
    endpoint = EndpointSpec(name="one", model="m")
    assert "endpoints: 'one' is there 2 times" in message(lambda: region(endpoints=(endpoint, endpoint)))
    assert "regions: 'us-east-1' is there 2 times" in message(lambda: environment(region(), region(cidr="10.1.0.0/16")))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "dev-eu"),
        ("name", "a" * 11),
        ("project", "p" * 15),
        ("account_id", "123"),
        ("owner", ""),
        ("regions", ()),
    ],
)
def test_identity_fits_what_aws_takes(field: str, value: object) -> None:
    assert f"{field}={value!r}" in message(lambda: environment(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("max_nodes", "3", "is no whole number"),
        ("max_nodes", 0, "is below 1"),
        ("volume_gb", 8, "is below 30"),
        ("instance_types", "g5.xlarge", "is no tuple, such as ('a', 'b') or ('a',)"),
        ("name", "A", "is not of the form that it must have"),
    ],
)
def test_wrong_kind_or_size_says_what_the_field_takes(field: str, value: object, rule: str) -> None:
    whole: dict[str, object] = {"name": "a", "instance_types": ("g5.xlarge",), "max_nodes": 1, field: value}
    said = message(lambda: GpuPoolSpec(**whole))  # type: ignore[arg-type]
    assert said.startswith(f"gpu pool '{whole['name']}': {field}={value!r} {rule}; give ")


def test_a_choice_that_is_none_offers_the_nearest() -> None:
    said = message(lambda: NetworkSpec(cidr="10.0.0.0/16", nat="per-zones"))  # type: ignore[arg-type]
    assert said == "network: nat='per-zones' is none of 'one', 'per-zone' or 'none'; did you mean 'per-zone'?"


def test_an_item_that_is_wrong_is_named_and_a_value_of_no_kind_is_told_once() -> None:
    emails = ("me@example.com", "nobody")
    said = message(lambda: BudgetSpec(monthly_usd=1, emails=emails))
    assert said == "budget: emails[1]='nobody' is not of the form that it must have; give 1 to 10 addresses"
    assert message(lambda: environment(target="aws")).count("target='aws'") == 2, "one line for each kind"


def test_rules_report_on_what_is_sound() -> None:
    """A broken field hides no rule that does not read it, and no rule judges a default that nobody wrote."""

    def build() -> None:
        regions = (region(), region("eu-west-1"), RegionSpec(name="eu-north-1", network=NetworkSpec(cidr="ten")))
        environment(*regions, account_id="1")
        GpuPoolSpec(name="a", instance_types=("g5.xlarge",), min_nodes=3, max_nodes=0)

    with pytest.raises(SpecError) as caught, gather():
        build()
    said = "\n".join(problem.value for problem in caught.value.problems)
    assert said == ("cidr='ten'\naccount_id='1'\ncidr='10.0.0.0/16' of region 'us-east-1'\nmax_nodes=0")


def test_missing_field_is_named() -> None:
    assert message(lambda: NetworkSpec()) == (  # type: ignore[call-arg]
        "network: cidr has no value; add cidr=…: a private network such as '10.20.0.0/16'"
    )


def test_gather_reports_problems_of_all_levels_at_once() -> None:
    def build() -> None:
        pools = (GpuPoolSpec(name="big", need=GpuNeed(), min_nodes=3, max_nodes=2),)
        endpoints = (EndpointSpec(name="e", model="m", memory=1),)  # type: ignore[call-arg]
        environment(region(gpu_pools=pools, endpoints=endpoints), region("eu-west-1"), nmae="x")

    with pytest.raises(SpecError) as caught, gather():
        build()
    said = [str(problem) for problem in caught.value.problems]
    overlap = "cidr='10.0.0.0/16' of region 'us-east-1' overlaps cidr='10.0.0.0/16' of region 'eu-west-1'"
    assert [text.split(";")[0] for text in said] == [
        "gpu pool 'big': min_nodes=3 is above max_nodes=2",
        "endpoint 'e': memory=1 is no field of it",
        "environment 'test': nmae='x' is no field of it",
        f"environment 'test': {overlap}",
    ]


def test_gather_prefers_the_cause_over_its_consequence() -> None:
    with pytest.raises(SpecError, match="network: cidr"), gather():
        _ = NetworkSpec(cidr="x").cidr


def test_gather_leaves_other_errors_alone() -> None:
    with pytest.raises(ZeroDivisionError), gather():
        _ = 1 / 0


def test_words_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        AwsAccount().role_arn = "x"  # type: ignore[misc]


def test_instance_facts() -> None:
    facts = instance_types()["p4d.24xlarge"]
    assert (facts.vcpus, facts.memory_gib, facts.gpus, facts.gpu_memory_gib, facts.efa) == (96, 1152, 8, 320, 4)


@pytest.mark.parametrize("name", ["reviews-", "re--views"])
def test_a_name_bears_to_be_part_of_a_longer_one(name: str) -> None:
    with pytest.raises(SpecError, match=rf"endpoint '{name}': name='{name}' has two hyphens in a row or ends in one"):
        environment(region(endpoints=(EndpointSpec(name=name, model="review_sentiment"),)))


def test_a_tag_is_what_aws_takes_for_one() -> None:
    with pytest.raises(SpecError, match=r"owner='R&D' .*; give who answers for it.*letters, digits, spaces and \+ - ="):
        environment(owner="R&D")
