"""What is brought is named so that AWS knows it, and so that jobs cannot write what they read."""

import pytest

from infra.spec import ExistingNetworkSpec, ExistingSpec, NetworkSpec, RegionSpec, SpecError
from tests.infra.spec.test_words import environment, message

KEY = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key_arn": "alias/data"}, "existing things: key_arn='alias/data' is not of the form that it must have; give"),
        ({"data_bucket": "No"}, "existing things: data_bucket='No' is not of the form"),
        ({"data_bucket": "a-b", "artifact_bucket": "a-b"}, "artifact_bucket='a-b' is the data bucket too"),
    ],
)
def test_bad_values(fields: dict[str, str], said: str) -> None:
    assert said in message(lambda: ExistingSpec(**fields))


def test_a_key_is_of_the_region_that_uses_it() -> None:
    network, existing = NetworkSpec(cidr="10.0.0.0/16"), ExistingSpec(key_arn=KEY)
    assert RegionSpec(name="eu-west-1", network=network, existing=existing)
    with pytest.raises(SpecError, match="is a key of another region than 'us-east-1'; bring a key of this region"):
        RegionSpec(name="us-east-1", network=network, existing=existing)


def test_networks_that_are_brought_may_overlap_as_they_do_and_a_new_one_may_not() -> None:
    brought = ExistingNetworkSpec(vpc_id="vpc-0a1b2c3d", cidr="10.0.0.0/16", subnet_ids=("subnet-0a1b2c3d",))
    one, other = (RegionSpec(name=name, network=brought) for name in ("us-east-1", "eu-west-1"))
    assert environment(one, other)
    made = RegionSpec(name="eu-west-1", network=NetworkSpec(cidr="10.0.0.0/17"))
    assert "overlaps" in message(lambda: environment(one, made))
