"""A release under load on the embedded cloud: one outlives its command and arrives, the next is sent back."""

import json
from pathlib import Path

import pytest

from ci.cli import run
from ci.drill import release_picture, serving
from ci.drill.load import Load
from ci.drill.release import DrilledRelease
from ci.errors import BusyError, WorkError
from ci.progress import Progress
from ci.rollout import roll_out
from ci.site import Site
from ci.traffic.controller import Seen
from ci.traffic.report import releases, status
from ci.traffic.state import Phase, Rollout
from infra.spec import Canary, EndpointSpec, RealTime

SPEC = EndpointSpec(
    name="review-sentiment",
    model="drilled",
    hosting=RealTime(instance_type=serving.INSTANCE, capture_percent=100),
    max_latency_ms=2000,
    release=Canary(percents=(50, 100), bake_seconds=1, least_requests=10, look_seconds=0.5),
)


def stop_once_it_has_calls(state: Rollout, seen: Seen) -> None:
    if seen.percent:
        raise KeyboardInterrupt


class Heard(Progress):
    """Keeps what a command says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def send_back_by_hand(site: Site, seen: Seen) -> None:
    """As another command does, once the new release has calls."""
    if seen.percent:
        releases(site, SPEC.name).turn(forward=False)


def raise_alarm(site: Site, seen: Seen) -> None:
    """As a stack's alarm does, once the new release has calls."""
    if seen.percent and not seen.alarms:
        name, cloudwatch = "groundplan-local-review-sentiment", site.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=f"{name}-latency", Namespace="AWS/SageMaker", MetricName="ModelLatency", Statistic="Average",
            Dimensions=[{"Name": "EndpointName", "Value": name}], Period=60, EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=f"{name}-latency", StateValue="ALARM", StateReason="a test")


@pytest.mark.slow
def test_a_release_outlives_its_command_and_a_bad_one_goes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving.running(tmp_path / "home", SPEC) as (site, contract):
        region, old, good = site.home_region.name, serving.package(site), serving.package(site, seconds=0.001)
        roll_out(site, region, contract, old, spec=SPEC)
        load = Load(site, region, contract.endpoint_name, 30.0)
        with load.running():
            with pytest.raises(KeyboardInterrupt):
                roll_out(site, region, contract, good, spec=SPEC, watcher=stop_once_it_has_calls)
            found = status(site, SPEC.name)
            assert (found.phase, found.percent, found.instances) == (Phase.FORWARD, 50.0, {"live": 1, "next": 1})
            with pytest.raises(BusyError, match=f"version {good.version} is going forward; see it"):
                roll_out(site, region, contract, serving.package(site, always="b"), spec=SPEC)
            assert releases(site, SPEC.name).follow().phase is Phase.RELEASED
            slower, heard = serving.package(site, seconds=0.002), Heard()
            with pytest.raises(WorkError, match="went back: somebody wanted it back"):
                roll_out(
                    site, region, contract, slower, spec=SPEC, progress=heard,
                    watcher=lambda _, seen: send_back_by_hand(site, seen),
                )  # fmt: skip
            # By another command, but who watches is told.
            assert [line.split(": ")[-1] for line in heard.lines][-3::2] == ["rolled back by hand.", "rolled back."]
            with pytest.raises(WorkError, match="went back: alarm groundplan-local-review-sentiment-latency"):
                roll_out(site, region, contract, slower, spec=SPEC, watcher=lambda _, seen: raise_alarm(site, seen))
            assert not [one for one in load.answered() if one.error]
            why = r"went back: .* failed, of the old one's 0\.0%.*; see why: groundplan logs local review-sentiment$"
            with pytest.raises(WorkError, match=why):
                roll_out(site, region, contract, serving.package(site, crashes=True), spec=SPEC)
        last = load.answered()[-30:]
        assert {one.version for one in last} == {good.version}
        assert run(["release", "status", "local", SPEC.name, "--home", str(tmp_path / "home")]) == 0
        assert "rolled back, 0 % of the calls" in capsys.readouterr().out
        assert status(site, SPEC.name).phase is Phase.ROLLED_BACK


def test_a_release_is_sound_if_it_ended_as_it_must_and_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {
        "kind": "slow", "phase": "rolled back", "reason": "90.0% of 40 answers took over 100 ms", "seconds": 9.0,
        "requests": 40, "failed": 0, "retried": 0, "first_to_last_seconds": 3.0, "breach_to_last_seconds": 0.2,
        "looks_to_breach": 2,
        "calls": [{"at_seconds": at / 4, "seconds": 0.01, "by": "old", "label": "a"} for at in range(40)],
        "looks": [{"at_seconds": 1.0, "percent": 10.0, "known_requests": 3}],
        "told": [(2.0, "10 %: baking"), (4.0, "10 %: back, it is slow")],
    }  # fmt: skip
    slow = DrilledRelease.model_validate_json(json.dumps(facts))
    assert slow.sound
    for change in ({"phase": Phase.RELEASED}, {"failed": 1}, {"kind": "good"}):
        assert not slow.model_copy(update=change).sound
    release_picture.draw(slow, 200, tmp_path / "slow.png")
    assert (tmp_path / "slow.png").read_bytes().startswith(b"\x89PNG")
    assert run(["drill", "release", "--only", "goood"]) == 2
    assert "'goood' is no kind of release; did you mean 'good'" in capsys.readouterr().err
