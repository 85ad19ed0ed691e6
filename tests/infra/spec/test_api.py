"""An API needs endpoints behind it and a way in."""

import pytest

from infra.spec import ApiSpec, Async, EndpointSpec, NetworkSpec, RegionSpec, SpecError, WebAclSpec

ANSWERING = EndpointSpec(name="reviews", model="m")
INSIDE = NetworkSpec(cidr="10.0.0.0/16", interface_endpoints=("execute-api",))


def region(*endpoints: EndpointSpec, network: NetworkSpec = INSIDE, api: ApiSpec | None = None) -> RegionSpec:
    return RegionSpec(name="us-east-1", network=network, endpoints=endpoints, api=api or ApiSpec())


def message(build: object) -> str:
    with pytest.raises(SpecError) as caught:
        build()  # type: ignore[operator]
    return str(caught.value)


def test_an_api_is_private_traced_and_guarded_unless_it_says_otherwise() -> None:
    api = ApiSpec()
    assert (api.reach, api.tracing, api.web_acls) == ("private", True, (WebAclSpec(),))
    assert ApiSpec(web_acl=None).web_acls == ()


def test_a_private_api_needs_a_door_in_its_network() -> None:
    outside = NetworkSpec(cidr="10.0.0.0/16")
    assert message(lambda: region(ANSWERING, network=outside)) == (
        "API: reach='private' has no way in from the network of region 'us-east-1'; add 'execute-api' to the network's "
        "interface_endpoints, or choose reach='regional'"
    )
    assert region(ANSWERING, network=outside, api=ApiSpec(reach="regional")).apis
    assert region(ANSWERING).apis


def test_an_api_needs_an_endpoint_that_answers_at_once() -> None:
    batch = EndpointSpec(name="batch", model="m", hosting=Async())
    assert "has no serverless or real-time endpoint of region 'us-east-1' behind it" in message(lambda: region(batch))
    assert region(ANSWERING, batch).answering_at_once == ("reviews",)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: ApiSpec(reach="public"), "API: reach='public'"),
        (lambda: ApiSpec(requests_per_second=0), "requests_per_second=0"),
        (lambda: ApiSpec(burst=0), "burst=0 is below 1"),
        (lambda: WebAclSpec(requests_per_five_minutes=1), "requests_per_five_minutes=1 is below 10"),
        (lambda: WebAclSpec(managed_rules=("AWSManagedRulesSecret",)), "managed_rules"),
    ],
)
def test_what_aws_would_refuse_is_refused_here(build: object, said: str) -> None:
    assert said in message(build)
