"""A fleet as Terraform makes it, and as its devices live in it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import environments
from infra.localcloud import CloudRecord
from infra.spec import EdgeFleetSpec
from infra.spec.contract import EdgeContract
from tests.localcloud.conftest import Clients, inventory
from tests.localcloud.edge_stack import edge_stack, ground
from tests.localcloud.terraform import Module, Terraform

pytestmark = pytest.mark.terraform

FLEET = EdgeFleetSpec(name="kiosks", model="review_sentiment")


@pytest.fixture(scope="module")
def module(cloud: CloudRecord, terraform: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Module]:
    """The stack, applied; destroyed at the end, and then nothing of it is left."""
    before = inventory(cloud)
    with ground(cloud) as made:
        with_ground = inventory(cloud)
        written = edge_stack(environments.load("local"), FLEET, made, tmp_path_factory.mktemp("cdktf.out"))
        stack = terraform.stack(written, cloud)
        applied = stack.apply()
        assert applied.code == 0, applied.text
        yield stack
        destroyed = stack.destroy()
        assert destroyed.code == 0, destroyed.text
        assert inventory(cloud) == with_ground
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
