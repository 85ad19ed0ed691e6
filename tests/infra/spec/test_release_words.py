"""How a new release comes to the calls: each way with its steps, and none that the hosting cannot have."""

import pytest

from infra.spec import AllAtOnce, Async, BlueGreen, Canary, EndpointSpec, RealTime, Serverless, Shadow, SpecError
from infra.spec.release import Stage


def test_each_way_is_a_row_of_steps() -> None:
    assert Canary(bake_seconds=9).stages == (Stage("split", 10, 9), Stage("split", 20, 9), Stage("split", 100, 9))
    assert BlueGreen(bake_seconds=9).stages == (Stage("split", 100, 9),)
    assert Shadow(bake_seconds=9).stages == (Stage("mirrored", 0, 9),)
    assert AllAtOnce().stages == (Stage("alone", 100, 0),)


def test_the_default_is_the_most_careful_that_the_hosting_can_have() -> None:
    hostings = (RealTime(), Serverless(), Async())
    kinds = [type(EndpointSpec(name="e", model="m", hosting=hosting).strategy) for hosting in hostings]
    assert kinds == [Canary, AllAtOnce, AllAtOnce]


@pytest.mark.parametrize("hosting", [Serverless(), Async()])
@pytest.mark.parametrize("release", [Canary(), BlueGreen(), Shadow()])
def test_one_variant_cannot_be_two(hosting: Serverless | Async, release: Canary | BlueGreen | Shadow) -> None:
    with pytest.raises(SpecError) as caught:
        EndpointSpec(name="e", model="m", hosting=hosting, release=release)
    said = f"endpoint 'e': release={type(release).__name__}(…) needs two variants, and {hosting.title} has one; "
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("percents", [(), (20, 10), (0, 100), (10, 10), (50, 101)])
def test_shares_rise(percents: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="does not rise from 1 or more to 100 or less"):
        Canary(percents=percents)


def test_what_is_no_way_is_said_once() -> None:
    with pytest.raises(SpecError, match=r"release='canary' is no way to release; give Canary\(…\), BlueGreen"):
        EndpointSpec(name="e", model="m", release="canary")  # type: ignore[arg-type]
