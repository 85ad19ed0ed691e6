"""The platform of every environment, as Terraform will read it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
import environments
from ci.images.catalogue import IMAGES, tag
from infra.spec.contract import ClusterContract, EdgeContract, PoolContract, ServingContract, TrainingContract

GOLDEN = Path(__file__).with_name("stateful_addresses.txt")
# What holds something that cannot be made again.
STATEFUL = {"aws_ecr_repository", "aws_kms_key", "aws_s3_bucket", "aws_sagemaker_model_package_group"}
CONTRACTS = {
    "training": TrainingContract,
    "endpoints": ServingContract,
    "clusters": ClusterContract,
    "edge": EdgeContract,
    "pools": PoolContract,
}
IN_EACH_REGION = {"network", "data", "events", "pools", "clusters", "training", "serving", "operations"}
Stacks = dict[str, dict[str, Any]]


def resources(stacks: Stacks, kind: str | None = None) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield stack, type, name and arguments of each resource."""
    for stack, content in stacks.items():
        for type_, named in content["resource"].items():
            for name, arguments in named.items():
                if kind in (None, type_):
                    yield stack, type_, name, arguments


def test_every_environment_has_its_stacks(stacks: Stacks) -> None:
    expected = set()
    for name in environments.names():
        regions = [region.name for region in environments.load(name).regions]
        expected |= {f"{name}-{region}-{component}" for region in regions for component in IN_EACH_REGION}
        with_devices = [region.name for region in environments.load(name).regions if region.edge_fleets]
        expected |= {f"{name}-{region}-edge" for region in with_devices}
        expected |= {f"{name}-access", f"{name}-cost", f"{name}-overview"}
        if environments.load(name).audit:
            expected |= {f"{name}-trail", *(f"{name}-{region}-audit" for region in regions)}
    assert set(stacks) == expected


def test_each_environment_alone_gives_the_same_bytes(outdir: Path, tmp_path: Path) -> None:
    for name in environments.names():
        ids = app.synthesize([name], tmp_path / name)
        assert ids
        for id in ids:
            file = Path("stacks", id, "cdk.tf.json")
            assert (tmp_path / name / file).read_bytes() == (outdir / file).read_bytes(), id


def test_stacks_need_each_other_as_the_picture_in_platform_says(outdir: Path) -> None:
    manifest = json.loads((outdir / "manifest.json").read_text())["stacks"]
    here = "local-us-east-1-"
    needs = {id: {need.removeprefix(here) for need in manifest[id]["dependencies"]} for id in manifest}
    assert needs[f"{here}network"] == needs[f"{here}data"] == needs[f"{here}events"] == set()
    assert needs["local-cost"] == {"data", "local-access"}
    assert needs[f"{here}pools"] == {"network"}
    assert needs[f"{here}clusters"] == {"network", "data"}
    assert needs[f"{here}training"] == {"network", "data", "pools", "events"}
    # Instances need a network; the serverless endpoints of `local` alone do not wait for one.
    assert needs[f"{here}serving"] == {"data"}
    assert "dev-us-east-1-network" in manifest["dev-us-east-1-serving"]["dependencies"]
    assert needs[f"{here}edge"] == {"data"}
    assert needs[f"{here}operations"] == {"data", "pools"}
    assert needs["local-access"] == {"data"}
    dev = {id: {need.removeprefix("dev-us-east-1-") for need in manifest[id]["dependencies"]} for id in manifest}
    # Where reads and writes of the data are recorded too, the trail names the data buckets.
    assert dev["dev-trail"] == set()
    assert "prod-eu-west-1-data" in manifest["prod-trail"]["dependencies"]
    assert dev["dev-us-east-1-audit"] == {"dev-trail", "operations"}
    assert dev["dev-access"] == {"data", "dev-trail"}


def test_stacks_come_in_the_order_of_their_needs(tmp_path: Path) -> None:
    order = app.synthesize(["local"], tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())["stacks"]
    assert all(order.index(need) < order.index(id) for id in order for need in manifest[id]["dependencies"])


def test_each_state_has_its_own_locked_place(all_stacks: Stacks) -> None:
    backends = [content["terraform"]["backend"]["s3"] for content in all_stacks.values()]
    assert len({(backend["bucket"], backend["key"]) for backend in backends}) == len(all_stacks)
    assert all(backend["use_lockfile"] is True and "encrypt" not in backend for backend in backends)
    assert "prod/eu-west-1/network.tfstate" in {backend["key"] for backend in backends}


def test_no_provider_has_an_endpoints_block_and_each_knows_its_account(all_stacks: Stacks) -> None:
    for stack, content in all_stacks.items():
        provider, *_ = content["provider"]["aws"]
        environment = environments.load(stack.split("-")[0])
        assert "endpoints" not in provider
        assert provider["allowed_account_ids"] == [environment.account_id]
        assert ("secret_key" in provider) == (environment.target.title == "embedded cloud")


def test_the_environments_tags_reach_every_resource(all_stacks: Stacks) -> None:
    for stack, content in all_stacks.items():
        environment = environments.load(stack.split("-")[0])
        provider, *_ = content["provider"]["aws"]
        assert provider["default_tags"] == [{"tags": environment.tags(stack.split("-")[-1])}]
    # A tag of a resource's own must not hide one of these.
    own = {key for _, _, _, arguments in resources(all_stacks) for key in arguments.get("tags", {})}
    assert own == {"Name", "model"}


def test_what_serves_a_model_is_tagged_with_it(stacks: Stacks) -> None:
    tagged = {
        type_: arguments["tags"]["model"]
        for _, type_, _, arguments in resources(stacks)
        if "model" in str(arguments.get("tags"))
    }
    assert tagged == dict.fromkeys(
        (
            "aws_appautoscaling_target",
            "aws_cloudwatch_log_group",
            "aws_cloudwatch_composite_alarm",
            "aws_cloudwatch_metric_alarm",
            "aws_iot_billing_group",
            "aws_iot_policy",
            "aws_iot_provisioning_template",
            "aws_iot_role_alias",
            "aws_iot_thing_group",
            "aws_iot_thing_type",
            "aws_iot_topic_rule",
            "aws_kinesis_firehose_delivery_stream",
            "aws_sagemaker_endpoint",
            "aws_sagemaker_endpoint_configuration",
            "aws_sagemaker_model",
            "aws_sagemaker_model_package_group",
        ),
        "review_sentiment",
    )


def test_stateful_addresses_are_promises(all_stacks: Stacks) -> None:
    """A changed id makes Terraform destroy and create: move it with `move_from_id`, then change the golden list.

    An environment that is not in the list yet has promised nothing: add its lines once it is deployed.
    """
    promises = GOLDEN.read_text().splitlines()
    promised = {line.split("-")[0] for line in promises}
    addresses = sorted(
        f"{stack} {type_}.{name}"
        for stack, type_, name, _ in resources(all_stacks)
        if type_ in STATEFUL and stack.split("-")[0] in promised
    )
    assert addresses == promises


def test_what_holds_data_is_guarded_where_the_environment_says_so(all_stacks: Stacks) -> None:
    for stack, type_, name, arguments in resources(all_stacks):
        if type_ in STATEFUL - {"aws_sagemaker_model_package_group"}:
            guarded = environments.load(stack.split("-")[0]).guarded
            assert arguments["lifecycle"]["prevent_destroy"] is guarded, f"{stack} {name}"
            assert arguments.get("force_destroy", not guarded) is not guarded
            assert arguments.get("force_delete", not guarded) is not guarded


@pytest.mark.parametrize(
    "kind",
    [
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
    ],
)
def test_every_bucket_has_every_protection(all_stacks: Stacks, kind: str) -> None:
    protected = {(stack, arguments["bucket"]) for stack, _, _, arguments in resources(all_stacks, kind)}
    assert protected == {
        (stack, f"${{aws_s3_bucket.{name}.id}}") for stack, _, name, _ in resources(all_stacks, "aws_s3_bucket")
    }


def test_contracts_read_back_as_they_were_written(stacks: Stacks) -> None:
    for stack, _, name, arguments in resources(stacks, "aws_ssm_parameter"):
        kind = CONTRACTS[arguments["name"].split("/")[3]]
        contract = kind.model_validate_json(arguments["value"])
        assert "${" in contract.model_dump_json(), f"{stack} {name}"
    names = {arguments["name"] for _, _, _, arguments in resources(stacks, "aws_ssm_parameter")}
    assert {"/groundplan/local/training", "/groundplan/local/endpoints/review-sentiment"} <= names
    assert "/groundplan/prod/pools/wide" in names


def test_no_value_of_one_stack_is_written_into_another(all_stacks: Stacks) -> None:
    """Outputs travel through Terraform's state: a stack's JSON refers only to what the stack itself has."""
    for stack, content in all_stacks.items():
        declared = {f"{type_}.{name}" for _, type_, name, _ in resources({stack: content})}
        referred = set(re.findall(r"\$\{(aws_\w+\.[\w-]+)\.", json.dumps(content)))
        assert referred <= declared, stack


def test_only_releases_and_schedules_may_change_what_terraform_made(stacks: Stacks) -> None:
    ignoring = {
        (type_, tuple(ignored))
        for _, type_, _, arguments in resources(stacks)
        if (ignored := arguments.get("lifecycle", {}).get("ignore_changes"))
    }
    assert ignoring == {
        ("aws_sagemaker_endpoint", ("endpoint_config_name",)),
        ("aws_appautoscaling_target", ("max_capacity", "min_capacity")),
        ("aws_autoscaling_group", ("max_size", "min_size")),
    }


def test_stacks_ask_for_the_images_that_are_built_for_them(stacks: Stacks) -> None:
    for environment in map(environments.load, environments.names()):
        text = json.dumps({name: stack for name, stack in stacks.items() if name.startswith(f"{environment.name}-")})
        asked = set(re.findall(rf":({environment.image_tag}-[\w.-]+)", text))
        # Nothing in AWS starts what devices run.
        assert asked == {tag(image, environment) for image in IMAGES if image != "edge"}
    # So that a tag is as good as a digest: docs/decisions/images.md.
    kept = [arguments["image_tag_mutability"] for *_, arguments in resources(stacks, "aws_ecr_repository")]
    assert set(kept) == {"IMMUTABLE"}


def test_models_wait_for_their_release(stacks: Stacks) -> None:
    for stack, _, _, arguments in resources(stacks, "aws_sagemaker_model"):
        assert "model_data_url" not in arguments["primary_container"], stack


def test_fleets_take_what_they_ask_of_the_quotas(stacks: Stacks) -> None:
    kinds = {
        "Maximum number of rules per AWS account": "aws_iot_topic_rule",
        "Maximum number of AWS IoT Core role aliases": "aws_iot_role_alias",
        "Maximum number of fleet provisioning templates per customer": "aws_iot_provisioning_template",
        "Delivery streams": "aws_kinesis_firehose_delivery_stream",
    }
    for region in environments.load("prod").regions:
        declared = stacks[f"prod-{region.name}-edge"]["resource"]
        asked = {need.name: need.amount for fleet in region.edge_fleets for need in fleet.quota_needs}
        assert asked == {name: len(declared[kind]) for name, kind in kinds.items()}


def test_telemetry_leaves_the_lake_after_the_days_that_its_fleet_says(stacks: Stacks) -> None:
    rules = {
        (stack, rule["filter"][0]["prefix"]): rule["expiration"][0]["days"]
        for stack, _, name, arguments in resources(stacks, "aws_s3_bucket_lifecycle_configuration")
        for rule in arguments["rule"]
        if name == "data" and rule["filter"][0]["prefix"]
    }
    assert rules == {
        (f"{name}-{region.name}-data", f"{failed}raw/edge/{fleet.name}/"): fleet.telemetry.keep_days
        for name in environments.names()
        for region in environments.load(name).regions
        for fleet in region.edge_fleets
        if fleet.telemetry and fleet.telemetry.keep_days
        for failed in ("", "failed/")
    }
    assert len(rules) >= 6


def test_what_is_watched_darkens_the_light_of_its_region(stacks: Stacks) -> None:
    operations = stacks["prod-us-east-1-operations"]["resource"]
    (health,) = (
        one for one in operations["aws_cloudwatch_composite_alarm"].values() if one["alarm_name"].endswith("-health")
    )
    rule = str(health["alarm_rule"])
    named = {
        f"${{aws_cloudwatch_metric_alarm.{name}.alarm_name}}" for name in operations["aws_cloudwatch_metric_alarm"]
    }
    joined = {one for one in named if one in rule}
    for watched in ("fleet_kiosks", "cluster_shared", "waiting_small", "news"):
        assert [one for one in joined if watched in one], watched
