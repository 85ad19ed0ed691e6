"""What the program declares no more: told in red, left by a deploy, and ended by its name, in its own region."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci.buckets import empty
from ci.changes.comment import comment
from ci.deploy import deploy
from ci.destroy import destroy, destroy_undeclared
from ci.errors import CommandError, LossError
from ci.inventory import _of_account
from ci.kept_contents import check_empty
from ci.leftovers import MANAGED_BY
from ci.manifest import Stack, read_stacks
from ci.plan import plan
from ci.state import StateStore
from ci.undeclared import emptied, endable, remains
from tests.ci.conftest import Tiny

BUCKET = "groundplan-local-state"
AWAY = "eu-west-1"
LOGS = "/groundplan/local/away"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}


@pytest.mark.terraform
def test_what_no_code_declares_is_told_and_left_until_it_is_named(tiny: Tiny) -> None:
    deploy(tiny.site())
    tiny.runs(only=["aside"])
    found = plan(tiny.site())
    gone = {one.stack.rpartition("-")[2]: (one.region, one.resources) for one in found.undeclared}
    assert gone == dict.fromkeys(("first", "second", "third"), ("us-east-1", 2))
    assert found.summary.total == 0
    text = comment(found)
    assert "> [!CAUTION]\n> **No code declares these any more; a deploy leaves them, and their 6 resources" in text
    names = [one.stack for one in found.undeclared]
    assert f"`groundplan destroy local --undeclared {','.join(names)}`" in text
    said = tiny.run("deploy", "local")
    assert f"end it: groundplan destroy local --undeclared {','.join(names)}" in said.stdout

    state = StateStore(tiny.site())
    declared = read_stacks(tiny.workspace.folder("local") / "cdktf.out")
    first, second, third = sorted(names)
    stacks = {stack.id: stack for stack in emptied(tiny.site(), remains(state, "local", declared), declared)}
    after = {name: stack.dependencies for name, stack in stacks.items()}
    assert after == {first: frozenset(), second: {first}, third: {second}}
    (read,) = emptied(tiny.site(), remains(state, "local", [*declared, stacks[first], stacks[third]]), [stacks[first]])
    assert (read.id, read.dependencies) == (second, {first}), "of a preview it goes before what is declared"
    for wrong, rule in ((declared[0].id, "is declared"), (first, f"hands values to {second}, which would stay")):
        with pytest.raises(CommandError, match=rule):
            destroy_undeclared(tiny.site(), [wrong])
    refused = tiny.run("destroy", "local", "--undeclared", ",".join(names))
    assert refused.returncode == 2, refused.stderr
    assert f"--destroys-data {first}:terraform_data.before,{first}:terraform_data.work,{second}:" in refused.stderr

    assert [one.stack for one in destroy(tiny.site()).undeclared] == names, "their states are kept"
    assert destroy_undeclared(tiny.site(), names).resources == 6
    assert state.states() == []


@pytest.fixture
def away(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the program declare a stack in the first region, and have a state of another region with these resources."""
    settings = {"access_key": "test", "secret_key": "test", "skip_credentials_validation": True}
    provider = settings | {"region": "us-east-1", "skip_metadata_api_check": "true"}
    here = settings | {"bucket": BUCKET, "region": "us-east-1", "use_path_style": True, "skip_metadata_api_check": True}
    backend = here | {"key": "local/us-east-1/logs.tfstate", "skip_requesting_account_id": True, "use_lockfile": True}
    needed = {"aws": {"source": "aws", "version": "5.100.0"}}
    written = {"terraform": {"backend": {"s3": backend}, "required_providers": needed}, "provider": {"aws": [provider]}}
    (tmp_path / "cdk.tf.json").write_text(json.dumps(written))
    declared = Stack("local-us-east-1-logs", tmp_path, frozenset())
    monkeypatch.setattr("ci.destroy.synthesize", lambda *_: (declared,))
    StateStore(tiny.site()).ensure_bucket()

    def holds(*resources: dict[str, Any]) -> None:
        state = {"version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "away", "outputs": {}}
        body = json.dumps(state | {"resources": resources}).encode()
        tiny.site().client("s3").put_object(Bucket=BUCKET, Key=f"local/{AWAY}/logs.tfstate", Body=body)

    return holds


def resource(type_: str, provider: str = "aws", **attributes: Any) -> dict[str, Any]:
    source = f'provider["registry.terraform.io/hashicorp/{provider.partition(".")[0]}"]'
    alias = provider.partition(".")[2]
    instances = [{"schema_version": 0, "attributes": attributes}]
    named = {"mode": "managed", "type": type_, "name": "main", "instances": instances}
    return named | {"provider": f"{source}.{alias}" if alias else source}


@pytest.mark.terraform
def test_a_region_that_was_taken_out_is_still_looked_at_and_ended_where_it_is(
    tiny: Tiny, away: Callable[..., None]
) -> None:
    tags = {"project": "groundplan", "environment": "local"}
    clients = {region: tiny.site().client("logs", region) for region in ("us-east-1", AWAY)}
    for client in clients.values():
        client.create_log_group(logGroupName=LOGS, tags=tags)
    released = {"ModelName": "groundplan-local-model", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serving"}
    tiny.site().client("sagemaker", AWAY).create_model(**released, Tags=[MANAGED_BY])
    made = {"CreateBucketConfiguration": {"LocationConstraint": AWAY}}
    tiny.site().client("s3", AWAY).create_bucket(Bucket="groundplan-local-emptied", **made)
    away(
        resource("aws_cloudwatch_log_group", id=LOGS, name=LOGS, skip_destroy=False),
        guarded_bucket("groundplan-local-emptied"),
    )
    assert {one.region for one in _of_account(tiny.site()) if one.service == "logs"} == {"us-east-1", AWAY}
    name = f"local-{AWAY}-logs"
    data = [f"{name}:aws_cloudwatch_log_group.main", f"{name}:aws_s3_bucket.main"]
    with pytest.raises(LossError, match=f"destroy of 'local'.*--destroys-data {','.join(data)}$"):
        destroy_undeclared(tiny.site(), [name])
    done = destroy_undeclared(tiny.site(), [name], may_lose=data)
    assert (done.resources, done.released_removed, list(done.stack_seconds)) == (2, 1, [name])
    assert "groundplan-local-emptied" not in buckets(tiny)
    left = {region: client.describe_log_groups(logGroupNamePrefix=LOGS) for region, client in clients.items()}
    assert {region: len(found["logGroups"]) for region, found in left.items()} == {"us-east-1": 1, AWAY: 0}
    clients["us-east-1"].delete_log_group(logGroupName=LOGS)


def guarded_bucket(name: str, **attributes: Any) -> dict[str, Any]:
    return resource("aws_s3_bucket", id=name, bucket=name, force_destroy=False, **attributes)


def buckets(tiny: Tiny) -> set[str]:
    return {one["Name"] for one in tiny.site().client("s3").list_buckets()["Buckets"]}


def test_guarded_contents_stop_it_before_anything_is_touched(tiny: Tiny, away: Callable[..., None]) -> None:
    s3, ecr, sagemaker = (tiny.site().client(service, AWAY) for service in ("s3", "ecr", "sagemaker"))
    deleted, locked, images = "groundplan-local-deleted", "groundplan-local-locked", "groundplan-local-images"
    for bucket in (deleted, locked):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": AWAY})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=bucket, Key="kept")
    s3.delete_object(Bucket=deleted, Key="kept")
    ecr.create_repository(repositoryName=images)
    ecr.put_image(repositoryName=images, imageManifest=json.dumps(MANIFEST), imageTag="1")
    released = {"ModelName": "groundplan-local-model", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serving"}
    sagemaker.create_model(**released, Tags=[MANAGED_BY])

    def named(name: str, block: dict[str, Any]) -> dict[str, Any]:
        return block | {"name": name}

    away(
        named("deleted", guarded_bucket(deleted)),
        named("locked", guarded_bucket(locked, object_lock_enabled=True)),
        named("images", resource("aws_ecr_repository", id=images, name=images, force_delete=False)),
        named("free", resource("aws_s3_bucket", id=locked, bucket=locked, force_destroy=True)),
        named("gone", guarded_bucket("groundplan-local-nowhere")),
    )
    name = f"local-{AWAY}-logs"
    kinds = {"deleted": "aws_s3_bucket", "locked": "aws_s3_bucket", "images": "aws_ecr_repository"}
    data = [f"{name}:{kind}.{one}" for one, kind in (kinds | dict.fromkeys(("free", "gone"), "aws_s3_bucket")).items()]
    with pytest.raises(CommandError, match="was guarded and is not empty") as error:
        destroy_undeclared(tiny.site(), [name], may_lose=data)
    first, *ways = str(error.value).splitlines()
    assert (error.value.exit_code, error.value.value) == (2, ", ".join(f"{name}:{kinds[one]}.{one}" for one in kinds))
    assert "nothing was touched" in first
    assert [f"--bucket {deleted}" in ways[0], f"Object Lock keeps what is in {locked}" in ways[1]] == [True, True]
    assert ways[2].endswith(f"aws ecr delete-repository --force --region {AWAY} --repository-name {images}")
    assert sagemaker.list_models()["Models"], "nor what releases made"

    ecr.delete_repository(repositoryName=images, force=True)
    for bucket in (deleted, locked):
        empty(s3, bucket)
    check_empty(tiny.site(), remains(StateStore(tiny.site()), "local", ()))
    for bucket in (deleted, locked):
        s3.delete_bucket(Bucket=bucket)
    sagemaker.delete_model(ModelName="groundplan-local-model")


def test_what_only_other_code_can_reach_is_not_touched(tiny: Tiny, away: Callable[..., None]) -> None:
    away(resource("aws_iam_role", "aws.payer", id="role"), resource("aws_iot_thing_type", name="groundplan-local-x"))
    (found,) = remains(StateStore(tiny.site()), "local", ())
    assert endable([found], ()) == []
    assert (found.providers, found.fleets) == ({"aws", "aws.payer"}, ("groundplan-local-x",))
    with pytest.raises(CommandError, match="aws.payer is a provider that no declared stack of this code has"):
        destroy_undeclared(tiny.site(), [f"local-{AWAY}-logs"])


def test_a_provider_is_lent_with_the_variable_of_its_role(tiny: Tiny, away: Callable[..., None]) -> None:
    away(resource("aws_ce_cost_category", "aws.payer", id="category"))
    (found,) = remains(StateStore(tiny.site()), "local", ())
    lender = Stack("lender", tiny.workspace.home / "lender", frozenset())
    lender.folder.mkdir()
    payer = {"alias": "payer", "assume_role": [{"role_arn": "${var.payer_role}"}]}
    settings = {"bucket": BUCKET, "key": "x", "region": "us-east-1"}
    lent = {
        "terraform": {"backend": {"s3": settings}},
        "provider": {"aws": [{"region": "us-east-1"}, payer]},
        "variable": {"payer_role": {"ephemeral": True}},
    }
    lender.file.write_text(json.dumps({**lent, "output": {"x": {"value": 1}}}))
    (written,) = emptied(tiny.site(), [found], [lender])
    assert written.document.keys() == lent.keys()
    assert written.document["variable"] == lent["variable"]
