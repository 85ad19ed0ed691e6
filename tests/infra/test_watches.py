"""What is watched of fleets, clusters and queues: alarms as they are synthesized, and the light over them all."""

import json
from typing import Any

import cdktf
import pytest

import environments
from infra.alarms import Alarms
from infra.cluster_signals import cluster_watches
from infra.edge_names import EdgeNames
from infra.fleet_signals import fleet_watches
from infra.naming import Names
from infra.news_signals import news_watches
from infra.overview import overview
from infra.queue_signals import pool_watch
from infra.spec import EdgeFleetSpec, TelemetrySpec
from infra.spec.alerts import SEVERITIES
from infra.watch import Watch
from tests.infra.unwritten import unwritten_app

NAMES = Names("groundplan", "test", "us-east-1", "123456789012")
TOPICS = {severity: f"arn:aws:sns:us-east-1:123456789012:{severity}" for severity in SEVERITIES}
PROD = environments.load("prod").regions[0]
FLEET = PROD.edge_fleets[0]


def made(*watches: Watch) -> tuple[dict[str, Any], list[str]]:
    """The alarms by what they are of, and the names that the construct tells."""
    stack = cdktf.TerraformStack(unwritten_app(), "test")
    alarms = Alarms(stack, "a", name="a", watches=watches, topic_arns=TOPICS)
    found = json.loads(cdktf.Testing.synth(stack))["resource"]["aws_cloudwatch_metric_alarm"]
    return {one["alarm_name"]: one for one in found.values()}, alarms.alarm_names


def test_a_fleet_is_watched_for_failed_updates_absence_silence_and_messages_late_or_lost() -> None:
    watches = fleet_watches(FLEET, EdgeNames.of(NAMES, FLEET))
    alarms, told = made(*watches)
    assert set(alarms) == {"a-failed-updates", "a-offline", "a-lost-telemetry", "a-late-telemetry", "a-silent"}
    assert len(told) == 5
    late = alarms["a-late-telemetry"]
    assert late["threshold"] == FLEET.telemetry.buffer_seconds + 300
    assert late["metric_query"][0]["metric"]["metric_name"] == "DeliveryToS3.DataFreshness"
    assert alarms["a-offline"]["threshold"] == FLEET.max_offline_percent
    assert alarms["a-silent"]["metric_query"][1]["metric"]["period"] == 3600
    assert all(alarm["alarm_actions"] == [TOPICS["ticket"]] for alarm in alarms.values())
    quiet = EdgeFleetSpec(name="a", model="m", telemetry=TelemetrySpec(silent_minutes=None))
    assert "silent" not in {watch.what for watch in fleet_watches(quiet, EdgeNames.of(NAMES, quiet))}


def test_a_cluster_without_its_head_pages_also_when_nobody_counts_any_more() -> None:
    (cluster,) = PROD.clusters
    alarms, _ = made(*cluster_watches(cluster, NAMES))
    assert set(alarms) == {"a-no-head", "a-too-few-workers", "a-waiting-work"}
    head = alarms["a-no-head"]
    assert (head["alarm_actions"], head["treat_missing_data"]) == ([TOPICS["page"]], "breaching")
    waiting = alarms["a-waiting-work"]
    assert waiting["evaluation_periods"] * 300 == cluster.max_wait_minutes * 60
    assert waiting["threshold"] == 100


def test_news_that_nobody_reads_are_told_and_darken_nothing() -> None:
    alarms, told = made(*news_watches(NAMES))
    assert set(alarms) == {"a-dead-letters", "a-unread"}
    assert len(told) == 1
    assert alarms["a-unread"]["alarm_actions"] == [TOPICS["info"]]


def test_the_first_job_of_a_queue_may_wait_as_long_as_its_pool_says() -> None:
    pool = PROD.gpu_pools[0]
    alarms, _ = made(pool_watch(pool, NAMES))
    assert alarms["a-oldest-wait"]["threshold"] == 60 * pool.max_wait_minutes


@pytest.mark.parametrize("name", environments.names())
def test_every_fleet_cluster_and_queue_has_its_row(name: str) -> None:
    environment = environments.load(name)
    rows = {row.title for row in overview(environment).rows}
    for region in environment.regions:
        for fleet in region.edge_fleets:
            assert {f"{fleet.name}: {about} in {region.name}" for about in ("edge fleet", "telemetry")} <= rows
        assert {f"{cluster.name}: cluster in {region.name}" for cluster in region.clusters} <= rows
        assert f"News of machines and jobs in {region.name}" in rows
