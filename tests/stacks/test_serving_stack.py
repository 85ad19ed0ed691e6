"""Endpoints of every kind, as Terraform will read them."""

import json
import re
from typing import Any

import pytest

import environments
from ci.model_registry import Package
from ci.serving_requests import configuration_request, model_request, update_request
from infra.spec.contract import InstanceCapacity, ServingContract

Stacks = dict[str, dict[str, Any]]
PROD = "prod-us-east-1-serving"
LIVE, BATCH, SERVERLESS = "review_sentiment_live", "review_sentiment_batch", "review_sentiment"


@pytest.fixture
def prod(stacks: Stacks) -> dict[str, dict[str, Any]]:
    return stacks[PROD]["resource"]


def contract(prod: dict[str, Any], name: str) -> ServingContract:
    return ServingContract.model_validate_json(prod["aws_ssm_parameter"][f"contract_{name}"]["value"])


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_each_environment_on_aws_has_all_three_kinds(stacks: Stacks, environment: str) -> None:
    resources = stacks[f"{environment}-us-east-1-serving"]["resource"]
    assert {contract(resources, name).kind for name in (SERVERLESS, LIVE, BATCH)} == {
        "serverless",
        "real-time",
        "async",
    }


def test_what_is_made_anew_has_a_name_by_its_content(prod: dict[str, Any], stacks: Stacks) -> None:
    for kind in ("aws_sagemaker_model", "aws_sagemaker_endpoint_configuration"):
        for name, arguments in prod[kind].items():
            assert arguments["lifecycle"] == {"create_before_destroy": True}
            hashed = re.search(
                r"-bootstrap-\$\{substr\(sha256\(jsonencode\(local\.(\w+)\)\), 0, 8\)\}$", arguments["name"]
            )
            assert hashed, arguments["name"]
            # Every argument that AWS sees is in the sum.
            content = json.dumps(stacks[PROD]["locals"][hashed[1]])
            arguments = arguments.get("production_variants", [{}])[0] | arguments
            for field in arguments.keys() - {"//", "name", "tags", "lifecycle", "production_variants"}:
                assert f'"{field}": {json.dumps(arguments[field])}' in content, f"{kind} {name} {field}"


def test_instances_stand_in_the_network_and_reach_nothing(prod: dict[str, Any]) -> None:
    for name in (LIVE, BATCH):
        model = prod["aws_sagemaker_model"][f"endpoint_{name}"]
        assert model["enable_network_isolation"] is True
        assert len(model["vpc_config"]["subnets"]) == 3
        assert "security_group" in model["vpc_config"]["security_group_ids"][0]
        assert "aws_kms_key_main_arn" in prod["aws_sagemaker_endpoint_configuration"][f"endpoint_{name}"]["kms_key_arn"]
    assert "vpc_config" not in prod["aws_sagemaker_model"][f"endpoint_{SERVERLESS}"], "AWS has none for it"


def test_only_real_time_requests_are_captured_and_under_the_key(prod: dict[str, Any]) -> None:
    captured = {
        name.removeprefix("endpoint_"): arguments["data_capture_config"]
        for name, arguments in prod["aws_sagemaker_endpoint_configuration"].items()
        if "data_capture_config" in arguments
    }
    assert set(captured) == {LIVE}
    assert captured[LIVE]["initial_sampling_percentage"] == 10
    assert captured[LIVE]["destination_s3_uri"].endswith("aws_s3_bucket_data_bucket}/captured")
    assert "aws_kms_key_main_arn" in captured[LIVE]["kms_key_id"]


def test_an_async_endpoint_sleeps_and_is_woken(prod: dict[str, Any]) -> None:
    target = prod["aws_appautoscaling_target"][f"scaling_{BATCH}"]
    assert (target["min_capacity"], target["max_capacity"]) == (0, 4)
    assert target["resource_id"] == f"endpoint/${{aws_sagemaker_endpoint.endpoint_{BATCH}.name}}/variant/live"
    alarm = prod["aws_cloudwatch_metric_alarm"][f"scaling_{BATCH}_asleep"]
    assert alarm["metric_name"] == "HasBacklogWithoutCapacity"
    assert alarm["alarm_actions"] == [f"${{aws_appautoscaling_policy.scaling_{BATCH}_wake.arn}}"]
    tracked = prod["aws_appautoscaling_policy"][f"scaling_{BATCH}_backlog"]
    metric = tracked["target_tracking_scaling_policy_configuration"]["customized_metric_specification"]
    assert metric["metric_name"] == "ApproximateBacklogSizePerInstance"
    output = prod["aws_sagemaker_endpoint_configuration"][f"endpoint_{BATCH}"]["async_inference_config"][
        "output_config"
    ]
    assert set(output["notification_config"]) == {"success_topic", "error_topic"}
    assert all("kms_master_key_id" in topic for topic in prod["aws_sns_topic"].values())


def test_a_real_time_endpoint_follows_its_calls_within_what_the_hour_allows(prod: dict[str, Any]) -> None:
    target = prod["aws_appautoscaling_target"][f"scaling_{LIVE}"]
    assert (target["min_capacity"], target["max_capacity"]) == (2, 8)
    # A schedule that has come rules until the next one; a deploy in between changes nothing.
    assert target["lifecycle"]["ignore_changes"] == ["max_capacity", "min_capacity"]
    assert len(prod["aws_appautoscaling_scheduled_action"]) == 2
    tracked = prod["aws_appautoscaling_policy"][f"scaling_{LIVE}_calls"]
    assert tracked["target_tracking_scaling_policy_configuration"]["target_value"] == 600


def test_a_serverless_endpoint_is_left_to_aws(prod: dict[str, Any]) -> None:
    assert not [name for name in prod["aws_appautoscaling_target"] if name == f"scaling_{SERVERLESS}"]


def snake(value: Any) -> Any:
    """An AWS request in Terraform's spelling."""
    if isinstance(value, dict):
        return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower(): snake(inner) for key, inner in value.items()}
    return [snake(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [SERVERLESS, LIVE, BATCH])
def test_a_release_asks_for_what_terraform_made(prod: dict[str, Any], name: str) -> None:
    """The bootstrap and a release differ in the model alone, so that a release never changes the machines."""
    agreed = contract(prod, name)
    package = Package("arn", "1", "s3://bundles/1", "key")
    released, made = model_request(agreed, package), prod["aws_sagemaker_model"][f"endpoint_{name}"]
    assert snake(released.get("VpcConfig")) == made.get("vpc_config")
    assert released.get("EnableNetworkIsolation") == made.get("enable_network_isolation")
    released, made = (
        configuration_request(agreed, "m"),
        prod["aws_sagemaker_endpoint_configuration"][f"endpoint_{name}"],
    )
    variant = snake(released["ProductionVariants"][0])
    assert variant | {"model_name": made["production_variants"][0]["model_name"]} == made["production_variants"][0]
    spelt = snake(released)
    assert spelt.get("kms_key_id") == made.get("kms_key_arn")
    assert spelt.get("data_capture_config") == made.get("data_capture_config")
    assert spelt.get("async_inference_config") == made.get("async_inference_config")


def test_a_release_keeps_how_many_instances_there_are(prod: dict[str, Any]) -> None:
    live = contract(prod, LIVE)
    assert isinstance(live.capacity, InstanceCapacity)
    kept = update_request(live)
    assert kept["RetainAllVariantProperties"] is True
    excluded = {one["VariantPropertyType"] for one in kept["ExcludeRetainedVariantProperties"]}
    assert excluded == {"DataCaptureConfig", "DesiredWeight"}, "these a release says anew, the count it leaves"
    assert update_request(contract(prod, SERVERLESS)) == {}


def test_an_api_asks_the_endpoints_behind_it_and_no_others(prod: dict[str, Any]) -> None:
    policy = json.loads(prod["aws_iam_role_policy"]["api_asks_endpoints"]["policy"])["Statement"]
    assert policy == [
        {
            "Effect": "Allow",
            "Action": ["sagemaker:InvokeEndpoint"],
            "Resource": [f"${{aws_sagemaker_endpoint.endpoint_{name}.arn}}" for name in (SERVERLESS, LIVE)],
        }
    ]


def test_a_private_api_is_closed_but_to_its_networks_door(prod: dict[str, Any], stacks: Stacks) -> None:
    api = prod["aws_api_gateway_rest_api"]["api"]
    assert api["endpoint_configuration"]["types"] == ["PRIVATE"]
    allow, deny = json.loads(prod["aws_api_gateway_rest_api_policy"]["api"]["policy"])["Statement"]
    assert allow["Principal"] == {"AWS": f"arn:aws:iam::{environments.load('prod').account_id}:root"}
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert [deny["Condition"]["StringNotEquals"]["aws:SourceVpce"]] == api["endpoint_configuration"]["vpc_endpoint_ids"]
    open_api = stacks["staging-us-east-1-serving"]["resource"]["aws_api_gateway_rest_api"]["api"]
    assert open_api["endpoint_configuration"] == {"types": ["REGIONAL"]}


def test_every_path_of_an_api_is_signed_and_checked(prod: dict[str, Any]) -> None:
    document = json.loads(prod["aws_api_gateway_rest_api"]["api"]["body"])
    assert set(document["paths"]) == {"/review-sentiment", "/review-sentiment-live"}
    for path in document["paths"].values():
        assert set(path) == {"post"}
        assert path["post"]["security"] == [{"sigv4": []}]
        assert path["post"]["x-amazon-apigateway-request-validator"] == "body"


def test_an_api_is_slowed_traced_and_logged_but_never_in_full(prod: dict[str, Any]) -> None:
    stage, settings = prod["aws_api_gateway_stage"]["api"], prod["aws_api_gateway_method_settings"]["api"]["settings"]
    assert stage["xray_tracing_enabled"] is True
    assert "caller" in json.loads(stage["access_log_settings"]["format"])
    assert (settings["throttling_rate_limit"], settings["throttling_burst_limit"]) == (500, 1000)
    assert settings["data_trace_enabled"] is False
    groups = [group for name, group in prod["aws_cloudwatch_log_group"].items() if name.startswith(("api_", "web_acl"))]
    assert len(groups) == 3
    assert all("kms_key" in group["kms_key_id"] for group in groups)


def test_a_web_acl_stands_before_the_stage(prod: dict[str, Any]) -> None:
    acl = prod["aws_wafv2_web_acl"]["web_acl"]
    names = [rule["name"] for rule in acl["rule"]]
    assert names[-1] == "too-many-requests"
    assert len(names) == 4
    # A batch of texts is longer than the 8 KiB that one of AWS's rules takes for an attack.
    common = acl["rule"][1]["statement"]["managed_rule_group_statement"]
    assert common["rule_action_override"] == [{"name": "SizeRestrictions_BODY", "action_to_use": {"count": {}}}]
    assert prod["aws_wafv2_web_acl_association"]["web_acl"]["resource_arn"] == "${aws_api_gateway_stage.api.arn}"
    logged = prod["aws_wafv2_web_acl_logging_configuration"]["web_acl_logging"]
    assert logged["redacted_fields"] == [{"single_header": {"name": "authorization"}}]
