"""Fleets that AWS would refuse, or that could not stop a bad update, are refused with the way to mend them."""

import pytest

import environments
from infra.spec import EdgeFleetSpec, JobRolloutSpec, RegionSpec, SpecError, TelemetrySpec, WaveSpec

FLEET = {"name": "kiosks", "model": "reviews"}


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (WaveSpec, {"name": "a"}, "wave 'a': devices=None and percent=None are neither given; give one of the two"),
        (WaveSpec, {"name": "a", "devices": 1, "percent": 1}, "are both given"),
        (WaveSpec, {"name": "rest", "percent": 5}, "name='rest' is a group that every fleet has"),
        (WaveSpec, {"name": "a", "percent": 100}, "give 1 to 99 of 100 devices, or None"),
        (JobRolloutSpec, {"start_per_minute": 200}, "start_per_minute=200 is above maximum_per_minute=100"),
        (JobRolloutSpec, {"increment_factor": 1.55}, "increment_factor=1.55 has more than one digit after the point"),
        (JobRolloutSpec, {"increment_factor": 1.0}, "give 1.1 to 5.0"),
        (JobRolloutSpec, {"maximum_per_minute": 1001}, "give 1 to 1000 devices a minute at most"),
        (JobRolloutSpec, {"abort_percent": 0.0}, "give above 0 to 100"),
        (JobRolloutSpec, {"timeout_minutes": 0}, "give 1 to 10080 minutes"),
        (TelemetrySpec, {"sample_percent": 0}, "give 1 to 100"),
        (TelemetrySpec, {"buffer_seconds": 30}, "give 60 to 900 seconds"),
        (EdgeFleetSpec, {**FLEET, "name": "elevenchars"}, "give up to 10 of a-z"),
        (EdgeFleetSpec, {**FLEET, "waves": ()}, "give 1 to 8 WaveSpec"),
        (EdgeFleetSpec, {**FLEET, "attributes": ("a", "b", "c", "d")}, "give up to 3 facts"),
        (EdgeFleetSpec, {**FLEET, "attributes": ("wave",)}, "is a parameter that every device registers with"),
        (EdgeFleetSpec, {**FLEET, "attributes": ("a", "a")}, "is there 2 times; name each fact once"),
        (EdgeFleetSpec, {**FLEET, "session_minutes": 5}, "give 15 to 720 minutes"),
        (EdgeFleetSpec, {**FLEET, "pre_provisioning_hook_arn": "hook"}, "give a Lambda function's ARN"),
    ],
)
def test_a_word_that_cannot_be_is_refused_with_its_fix(kind: type, fields: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as raised:
        kind(**fields)
    assert said in str(raised.value)


def test_all_that_is_wrong_with_waves_is_said_at_once() -> None:
    waves = (
        WaveSpec(name="canary", devices=2),
        WaveSpec(name="half", percent=60),
        WaveSpec(name="half", percent=50),
    )
    with pytest.raises(SpecError) as raised:
        EdgeFleetSpec(**FLEET, waves=waves, attributes=("serial",))
    assert [str(problem).partition("; ")[0] for problem in raised.value.problems] == [
        "edge fleet 'kiosks': waves: 'half' is there 2 times",
        "edge fleet 'kiosks': waves take 110 percent of the fleet",
        "edge fleet 'kiosks': wave 'canary' has 2 devices, and failures count after 3",
        "edge fleet 'kiosks': attributes: 'serial' is a parameter that every device registers with",
    ]


def test_the_rest_is_the_last_wave_and_has_no_size() -> None:
    fleet = EdgeFleetSpec(name="kiosks", model="reviews")
    assert fleet.groups == ("canary", "early", "rest")
    assert [fleet.size(group) for group in fleet.groups] == [(5, None), (None, 20), (None, None)]


def test_two_fleets_of_one_name_are_refused_and_their_models_are_registered() -> None:
    network = environments.load("local").regions[0].network
    fleet = EdgeFleetSpec(name="kiosks", model="reviews")
    with pytest.raises(SpecError, match="edge_fleets: 'kiosks' is there 2 times"):
        RegionSpec(name="us-east-1", network=network, edge_fleets=(fleet, fleet))
    assert RegionSpec(name="us-east-1", network=network, edge_fleets=(fleet,)).models == ("reviews",)
