"""A fleet as Terraform makes it, and as its devices live in it."""

import functools
import gzip
import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import environments
from infra.edge_names import EdgeNames
from infra.fleet_signals import failed_updates, fleet_metric
from infra.localcloud import CloudRecord
from infra.naming import Names
from infra.page import Metric
from infra.spec import EdgeFleetSpec
from infra.spec.contract import EdgeContract
from tests.localcloud.conftest import Clients, inventory, make_client
from tests.localcloud.edge_stack import edge_stack, ground
from tests.localcloud.terraform import Module, Terraform

pytestmark = pytest.mark.terraform

FLEET = EdgeFleetSpec(name="kiosks", model="review_sentiment")


@pytest.fixture(scope="module")
def made(cloud: CloudRecord) -> Iterator[dict[str, str]]:
    """What the stack takes from others; gone at the end."""
    before = inventory(cloud)
    with ground(cloud) as made:
        yield made
    assert inventory(cloud) == before


@pytest.fixture(scope="module")
def module(
    made: dict[str, str], cloud: CloudRecord, terraform: Terraform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Module]:
    """The stack, applied; destroyed at the end, and then nothing of it is left."""
    before = inventory(cloud)
    written = edge_stack(environments.load("local"), FLEET, made, tmp_path_factory.mktemp("cdktf.out"))
    stack = terraform.stack(written, cloud)
    applied = stack.apply()
    assert applied.code == 0, applied.text
    yield stack
    destroyed = stack.destroy()
    assert destroyed.code == 0, destroyed.text
    assert inventory(cloud) == before


@pytest.fixture
def contract(module: Module, client: Clients) -> EdgeContract:
    value = client("ssm").get_parameter(Name="/groundplan/local/edge/kiosks")["Parameter"]["Value"]
    return EdgeContract.model_validate_json(value)


def test_what_was_made_is_read_back_unchanged(module: Module) -> None:
    planned = module.plan()
    assert planned.code == 0, planned.text


def test_variables_of_aws_reach_it_with_one_dollar(contract: EdgeContract, client: Clients) -> None:
    iot = client("iot")
    policy = iot.get_policy(policyName="groundplan-local-kiosks")["policyDocument"]
    assert "client/${iot:Connection.Thing.ThingName}" in policy
    assert "$${" not in policy
    template = iot.describe_job_template(jobTemplateId=contract.job_template_arn.rsplit("/", 1)[-1])
    link = "${aws:iot:s3-presigned-url-v2:https://bundles.s3.us-east-1.amazonaws.com/edge/kiosks/current.tar.gz}"
    assert json.loads(template["document"])["bundle"] == link
    rule = iot.get_topic_rule(ruleName="groundplan_local_kiosks_telemetry")["rule"]
    assert rule["errorAction"]["s3"]["key"] == "failed/raw/edge/kiosks/rule/${timestamp()}-${newuuid()}.json"


def test_a_job_template_holds_what_the_fleet_says(contract: EdgeContract, client: Clients) -> None:
    template = client("iot").describe_job_template(jobTemplateId=contract.job_template_arn.rsplit("/", 1)[-1])
    rollout = FLEET.rollout
    exponential: dict[str, Any] = {
        "baseRatePerMinute": rollout.start_per_minute,
        "incrementFactor": rollout.increment_factor,
        "rateIncreaseCriteria": {"numberOfSucceededThings": rollout.faster_after_successes},
    }
    assert template["jobExecutionsRolloutConfig"] == {"exponentialRate": exponential, "maximumPerMinute": 100}
    (criterion,) = template["abortConfig"]["criteriaList"]
    assert (criterion["failureType"], criterion["thresholdPercentage"]) == ("ALL", rollout.abort_percent)
    assert criterion["minNumberOfExecutedThings"] == rollout.abort_after_devices
    assert template["timeoutConfig"] == {"inProgressTimeoutInMinutes": rollout.timeout_minutes}
    assert template["jobExecutionsRetryConfig"]["criteriaList"] == [{"failureType": "TIMED_OUT", "numberOfRetries": 1}]
    tags = client("iot").list_tags_for_resource(resourceArn=contract.job_template_arn)["tags"]
    assert {"Key": "model", "Value": "review_sentiment"} in tags


def registered(number: int, contract: EdgeContract, client: Clients, **more: str) -> str:
    """Register one device after the fleet's template, and return its name."""
    iot = client("iot")
    certificate = iot.create_keys_and_certificate(setAsActive=False)
    body = iot.describe_provisioning_template(templateName=contract.provisioning_template)["templateBody"]
    identity = {"AWS::IoT::Certificate::Id": certificate["certificateId"]}
    facts = {"serial": f"{number:04}", "hardware": "arm64-4gb", **more}
    made = iot.register_thing(templateBody=body, parameters={**facts, **identity})
    assert made["certificatePem"] == certificate["certificatePem"]
    return str(made["resourceArns"]["thing"].rsplit("/", 1)[-1])


@pytest.fixture(scope="module")
def devices(module: Module, cloud: CloudRecord) -> Iterator[list[str]]:
    """Ten devices: four canaries, six in the last wave. Gone at the end, as nobody can destroy a fleet in use."""
    client = functools.partial(make_client, cloud)
    value = client("ssm").get_parameter(Name="/groundplan/local/edge/kiosks")["Parameter"]["Value"]
    contract = EdgeContract.model_validate_json(value)
    canaries = [registered(number, contract, client, wave="canary") for number in range(4)]
    yield [*canaries, *(registered(number, contract, client) for number in range(4, 10))]
    iot = client("iot")
    for thing in (one["thingName"] for one in iot.list_things()["things"]):
        for principal in iot.list_thing_principals(thingName=thing)["principals"]:
            iot.detach_thing_principal(thingName=thing, principal=principal)
            for policy in iot.list_attached_policies(target=principal)["policies"]:
                iot.detach_policy(policyName=policy["policyName"], target=principal)
            iot.update_certificate(certificateId=principal.rsplit("/", 1)[-1], newStatus="INACTIVE")
            iot.delete_certificate(certificateId=principal.rsplit("/", 1)[-1], forceDelete=True)
        iot.delete_thing(thingName=thing)


def test_devices_register_into_their_waves_with_a_certificate_and_the_fleets_policy(
    devices: list[str], contract: EdgeContract, client: Clients
) -> None:
    iot = client("iot")
    members = {
        wave.name: iot.list_things_in_thing_group(thingGroupName=wave.group)["things"] for wave in contract.waves
    }
    assert {wave: len(things) for wave, things in members.items()} == {"canary": 4, "early": 0, "rest": 6}
    thing = iot.describe_thing(thingName=devices[0])
    assert thing["thingName"] == f"{contract.thing_prefix}0000"
    assert (thing["thingTypeName"], thing["attributes"]) == (contract.thing_type, {"hardware": "arm64-4gb"})
    assert thing["billingGroupName"] == "groundplan-local-kiosks"
    (principal,) = iot.list_thing_principals(thingName=devices[0])["principals"]
    assert (
        iot.describe_certificate(certificateId=principal.rsplit("/", 1)[-1])["certificateDescription"]["status"]
        == "ACTIVE"
    )
    assert [one["policyName"] for one in iot.list_attached_policies(target=principal)["policies"]] == [
        "groundplan-local-kiosks"
    ]


def test_an_update_reaches_the_canaries_who_fetch_it_by_a_signed_link(
    devices: list[str], contract: EdgeContract, client: Clients
) -> None:
    iot, jobs = client("iot"), client("iot-jobs-data")
    client("s3").put_object(Bucket="bundles", Key="edge/kiosks/current.tar.gz", Body=b"the bundle")
    canary = contract.waves[0].group_arn
    iot.create_job(jobId=f"{contract.thing_prefix}good", targets=[canary], jobTemplateArn=contract.job_template_arn)
    assert jobs.get_pending_job_executions(thingName=devices[9])["queuedJobs"] == []
    for device in devices[:4]:
        (waiting,) = jobs.get_pending_job_executions(thingName=device)["queuedJobs"]
        assert waiting["jobId"] == f"{contract.thing_prefix}good"
        execution = jobs.start_next_pending_job_execution(thingName=device, statusDetails={"step": "download"})[
            "execution"
        ]
        assert execution["approximateSecondsBeforeTimedOut"] <= FLEET.rollout.timeout_minutes * 60
        document = json.loads(execution["jobDocument"])
        assert (document["operation"], document["model"]) == ("update-model", "review_sentiment")
        with urllib.request.urlopen(document["bundle"], timeout=60) as answer:
            assert answer.read() == b"the bundle"
        ended = jobs.update_job_execution(
            jobId=execution["jobId"],
            thingName=device,
            status="SUCCEEDED",
            expectedVersion=execution["versionNumber"],
            includeJobExecutionState=True,
        )
        assert ended["executionState"]["status"] == "SUCCEEDED"
        assert "execution" not in jobs.start_next_pending_job_execution(thingName=device)
    job = iot.describe_job(jobId=f"{contract.thing_prefix}good")["job"]
    assert (job["status"], job["jobProcessDetails"]["numberOfSucceededThings"]) == ("COMPLETED", 4)


def test_failures_abort_an_update_and_the_others_are_left_alone(
    devices: list[str], contract: EdgeContract, client: Clients
) -> None:
    iot, jobs = client("iot"), client("iot-jobs-data")
    name = f"{contract.thing_prefix}bad"
    rest = contract.waves[-1].group_arn
    document = json.dumps({"operation": "update-model", "version": "1.2.3"})
    iot.create_job(jobId=name, targets=[rest], document=document, jobTemplateArn=contract.job_template_arn)
    told = [
        one["thingArn"].rsplit("/", 1)[-1] for one in iot.list_job_executions_for_job(jobId=name)["executionSummaries"]
    ]
    assert len(told) == FLEET.rollout.start_per_minute
    for device in told[: FLEET.rollout.abort_after_devices]:
        execution = jobs.start_next_pending_job_execution(thingName=device)["execution"]
        assert json.loads(execution["jobDocument"])["version"] == "1.2.3"
        jobs.update_job_execution(jobId=name, thingName=device, status="FAILED", statusDetails={"why": "parity"})
    job = iot.describe_job(jobId=name)["job"]
    assert (job["status"], job["comment"]) == ("CANCELED", "The abort criteria of the job were met")
    assert job["jobProcessDetails"]["numberOfFailedThings"] == FLEET.rollout.abort_after_devices
    assert jobs.get_pending_job_executions(thingName=told[-1])["queuedJobs"] == []
    with pytest.raises(client("iot-jobs-data").exceptions.InvalidStateTransitionException):
        jobs.update_job_execution(jobId=name, thingName=told[0], status="SUCCEEDED")


def test_what_a_device_says_lies_in_the_lake_under_its_own_name(
    devices: list[str], contract: EdgeContract, client: Clients
) -> None:
    topic = contract.telemetry_topic.replace("{thing}", devices[0])
    seen = {"prediction": "positive", "latency_ms": 4.4, "thing": "somebody else"}
    client("iot-data").publish(topic=topic, qos=1, payload=json.dumps(seen))
    client("iot-data").publish(topic="dt/groundplan/local/others/x/telemetry", payload=json.dumps(seen))
    s3 = client("s3")
    (entry,) = s3.list_objects_v2(Bucket="lake", Prefix="raw/edge/kiosks/")["Contents"]
    assert entry["Key"].startswith(f"raw/edge/kiosks/date={datetime.now(UTC):%Y-%m-%d}/")
    line = json.loads(gzip.decompress(s3.get_object(Bucket="lake", Key=entry["Key"])["Body"].read()))
    assert (line["thing"], line["prediction"]) == (devices[0], "positive")
    assert abs(line["received_at_ms"] / 1000 - datetime.now(UTC).timestamp()) < 60


def test_what_happens_to_jobs_is_in_the_fleets_log(devices: list[str], contract: EdgeContract, client: Clients) -> None:
    logs, group = client("logs"), f"/aws/iot/{contract.thing_prefix}events"
    found = logs.filter_log_events(logGroupName=group)["events"]
    events = [json.loads(one["message"]) for one in found]
    ended = {(one["jobId"].rsplit("-", 1)[-1], one["eventType"], one["operation"]) for one in events}
    assert ended == {
        ("good", "JOB_EXECUTION", "succeeded"),
        ("good", "JOB", "completed"),
        ("bad", "JOB_EXECUTION", "failed"),
        ("bad", "JOB", "canceled"),
    }


def figures(client: Clients, metric: Metric, period_seconds: int) -> list[float]:
    """What CloudWatch has of a metric, one value a period, the newest first."""
    now = datetime.now(UTC)
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    asked = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    stat = {"Metric": asked, "Period": period_seconds, "Stat": metric.statistic}
    found = client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "a", "MetricStat": stat}],
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(hours=1),
    )
    values: list[float] = found["MetricDataResults"][0]["Values"]
    return values


def figure(client: Clients, metric: Metric) -> float:
    """The greatest value of a metric in an hour."""
    return max(figures(client, metric, 3600), default=-1.0)


def counted(client: Clients, metric: Metric) -> float:
    """What a fleet metric came to at the last look: the hour's greatest is of the time when no device had spoken."""
    return next(iter(figures(client, metric, 1)), -1.0)


def test_what_is_watched_of_a_fleet_is_what_happened_to_it(
    devices: list[str], contract: EdgeContract, client: Clients
) -> None:
    names = Names.of(environments.load("local"), "us-east-1")
    edge = EdgeNames.of(names, FLEET)
    assert figure(client, failed_updates(edge)) == FLEET.rollout.abort_after_devices
    rule = {"RuleName": "groundplan_local_kiosks_telemetry"}
    assert figure(client, Metric("AWS/IoT", "TopicMatch", rule, "Sum")) == 1
    assert figure(client, Metric("AWS/IoT", "Success", rule | {"ActionType": "Firehose"}, "Sum")) == 1
    delivered = {"DeliveryStreamName": edge.telemetry_stream}
    assert figure(client, Metric("AWS/Firehose", "DeliveryToS3.Records", delivered, "Sum")) == 1
    assert figure(client, Metric("AWS/Firehose", "DeliveryToS3.DataFreshness", delivered, "Maximum")) == 0
    client("iot-data").publish(topic=contract.telemetry_topic.replace("{thing}", devices[0]), payload=b"{no json")
    assert figure(client, Metric("AWS/IoT", "ParseError", rule, "Sum")) == 1
    away = client("iot").search_index(queryString=f"thingTypeName:{edge.fleet_name} AND connectivity.connected:false")
    # All but one have asked for a job, told of one or sent a message.
    assert [one["thingName"] for one in away["things"]] == [devices[7]]
    deadline = time.monotonic() + 120
    while (offline := counted(client, fleet_metric(edge.offline_metric))) != 1:
        assert time.monotonic() < deadline, offline
        time.sleep(0.1)
    assert counted(client, fleet_metric(edge.devices_metric)) == 10


def test_other_tags_and_a_part_of_the_roll_out_can_be_changed(
    module: Module, made: dict[str, str], terraform: Terraform, tmp_path: Path
) -> None:
    environment = environments.load("local").model_copy(update={"owner": "others@example.com"})
    slower = FLEET.model_copy(update={"rollout": FLEET.rollout.model_copy(update={"maximum_per_minute": 50})})
    changed = terraform.stack(edge_stack(environment, slower, made, tmp_path), module.cloud)
    applied = changed.apply()
    assert applied.code == 0, applied.text
    planned = changed.plan()
    assert planned.code == 0, planned.text
