"""A release onto instances: it changes the model, keeps how many instances there are, and is asked by its kind."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.contracts import find_endpoint
from ci.errors import CommandError, WorkError
from ci.invocation import Caller
from ci.model_registry import Package
from ci.rollout import roll_out
from ci.s3_record import S3Record
from ci.site import Site
from ci.status import status
from ci.traffic.controller import NEXT, OLD, Act, Resize, Seen, decide
from ci.traffic.endpoint import Endpoint
from ci.traffic.evidence import Tolerance
from ci.traffic.report import releases
from ci.traffic.run import Releases
from ci.traffic.state import Patience, Phase, Rollout
from ci.workspace import Workspace
from infra.localcloud import start, stop
from infra.spec import Canary
from infra.spec.contract import Capture, InstanceCapacity, Queueing, ServingContract
from tests.ci.conftest import REPOSITORY

ROLE, REGION, BUCKET = "arn:aws:iam::123456789012:role/serving", "us-east-1", "rollout"
PROGRAM = REPOSITORY / "tests" / "localcloud" / "machines" / "program"
CAPACITY = InstanceCapacity(
    instance_type="ml.m5.large",
    initial_count=1,
    volume_key_arn=None,
    subnet_ids=("subnet-1",),
    security_group_ids=("sg-1",),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cloud whose model servers are a test's own, and two models for them in a bucket."""
    home = tmp_path_factory.mktemp("rollout")
    folder = home / "clouds" / "rollout"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"scaling_seconds": 0.2, "capture_seconds": 0.1}))
    record = start("rollout", home, program=PROGRAM)
    found = Site(environments.load("local"), Workspace(root=REPOSITORY, home=home), record.url)
    found.client("s3").create_bucket(Bucket=BUCKET)
    yield found
    stop("rollout", home)


def package(site: Site, version: str) -> Package:
    archive, content = io.BytesIO(), json.dumps({"name": version}).encode()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    site.client("s3").put_object(Bucket=BUCKET, Key=f"{version}.tar.gz", Body=archive.getvalue())
    return Package(f"arn:{version}", version, f"s3://{BUCKET}/{version}.tar.gz", "key")


def contract(name: str, **more: Any) -> ServingContract:
    return ServingContract(
        endpoint_name=name,
        model="reviews",
        kind="real-time",
        role_arn=ROLE,
        image_uri="serve:1",
        model_package_group="g",
        signing_key_arn="k",
        artifact_bucket=BUCKET,
        kms_key_arn="key",
        capacity=CAPACITY,
        **more,
    )


def deployed(site: Site, agreed: ServingContract) -> ServingContract:
    """Stand the endpoint up on its first release, as Terraform does on its bootstrap."""
    sagemaker, first = site.client("sagemaker"), package(site, "first")
    container = {"Image": "serve:1", "ModelDataUrl": first.bundle}
    sagemaker.create_model(ModelName=agreed.endpoint_name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "live", "ModelName": agreed.endpoint_name, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=agreed.endpoint_name, ProductionVariants=[variant | {"InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=agreed.endpoint_name, EndpointConfigName=agreed.endpoint_name)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=agreed.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 240}
    )
    return agreed


def test_a_release_leaves_the_count_that_autoscaling_chose(site: Site) -> None:
    capture = Capture(percent=100, destination=f"s3://{BUCKET}/captured")
    live = deployed(site, contract("groundplan-local-live", capture=capture))
    scaling = site.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/groundplan-local-live/variant/live",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    # The quickest way to scale out: bounds that the count is below.
    scaling.register_scalable_target(**target, MinCapacity=3, MaxCapacity=4)
    shown = wait_for(site, 3)
    assert (shown.kind, shown.instances) == ("real-time", 3)
    configuration = roll_out(site, REGION, live, package(site, "second"))
    after = wait_for(site, 3)
    assert (after.configuration, after.instances) == (configuration, 3)
    answer = Caller(site, REGION, live).ask([{"text": "good"}])
    assert answer["model"] == "second"
    described = site.client("sagemaker").describe_endpoint_config(EndpointConfigName=configuration)
    assert described["ProductionVariants"][0]["InitialInstanceCount"] == 1, "what is asked for is not what there is"
    assert described["DataCaptureConfig"]["InitialSamplingPercentage"] == 100
    scaling.deregister_scalable_target(**target)


def wait_for(site: Site, count: int) -> Any:
    deadline = time.monotonic() + 120
    while True:
        [shown] = [found for found in status(site).endpoints if found.endpoint.endswith("-live")]
        if shown.instances == count:
            return shown
        assert time.monotonic() < deadline, f"it has {shown.instances} instances, not {count}"
        time.sleep(0.05)


def test_an_async_endpoint_is_asked_through_s3(site: Site) -> None:
    queueing = Queueing(
        requests=f"s3://{BUCKET}/async/requests",
        answers=f"s3://{BUCKET}/async/answers",
        failures=f"s3://{BUCKET}/async/failures",
        succeeded_topic_arn=site.client("sns").create_topic(Name="succeeded")["TopicArn"],
        failed_topic_arn=site.client("sns").create_topic(Name="failed")["TopicArn"],
        concurrency=2,
    )
    batch = deployed(site, contract("groundplan-local-batch", queueing=queueing))
    roll_out(site, REGION, batch.model_copy(update={"kind": "async"}), package(site, "second"))
    caller = Caller(site, REGION, batch)
    assert caller.ask([{"text": "good"}])["model"] == "second"
    [shown] = [found for found in status(site).endpoints if found.endpoint.endswith("-batch")]
    assert (shown.kind, shown.instances) == ("async", 1)
    kept = site.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="async/")["Contents"]
    assert sorted(entry["Key"].split("/")[1] for entry in kept) == ["answers", "requests"]


def test_a_model_that_does_not_start_leaves_what_served(site: Site) -> None:
    live = contract("groundplan-local-live")
    missing = Package("arn:gone", "gone", f"s3://{BUCKET}/gone.tar.gz", "key")
    with pytest.raises(WorkError, match="Could not find model data"):
        roll_out(site, REGION, live, missing)
    assert Caller(site, REGION, live).ask([{"text": "good"}])["model"] == "second"


def test_who_was_overtaken_does_nothing_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Act] = []
    seen = Seen(settled=True, configuration="beside", percent=10.0, counts={OLD: 3, NEXT: 1}, held=True)
    monkeypatch.setattr(Endpoint, "look", lambda self, state: seen)
    monkeypatch.setattr(Endpoint, "do", lambda self, act: done.append(act))
    tolerance = Tolerance(more_failed=0.01, more_slow=0.1, other_answers=0.1, false_alarm=0.001, latency_ms=1, failed=0)
    patience = Patience(least_requests=1, seconds=1, look_seconds=0.1)
    state = Rollout(
        endpoint="overtaken", version="v", old="old", beside="beside", new="new", instances=3, begun=0.0, position=1,
        stages=Canary(percents=(10, 100), bake_seconds=1).stages, tolerance=tolerance, patience=patience,
    )  # fmt: skip

    def send_back(_: Rollout, __: Seen) -> None:
        record = S3Record(site.client("s3"), BUCKET, "rollouts/overtaken/state.json", Rollout)
        assert decide(state, seen, 1.0) == (state, Resize(3)), "an act of which nothing is noted"
        record.write(state.telling(1.0, "rolled back", phase=Phase.ROLLED_BACK), record.find()[1])

    overtaken = Releases(site, REGION, contract("overtaken"), watcher=send_back)
    overtaken.begin(state)
    with pytest.raises(WorkError, match="went back"):
        overtaken.follow()
    assert done == []


def test_a_release_is_taken_up_in_the_region_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = environments.load("local")
    other = local.regions[0].model_copy(update={"name": "eu-west-1"})
    both = local.model_copy(update={"regions": (local.regions[0], other)})
    place = Site(both, Workspace(root=REPOSITORY, home=tmp_path), "http://127.0.0.1:9")
    monkeypatch.setattr("ci.contracts._parameter", lambda _, region, __: contract(region.name).model_dump_json())
    name = other.endpoints[0].name
    assert find_endpoint(place, name)[1].endpoint_name == local.regions[0].name
    found = releases(place, name, region="eu-west-1")
    assert found._command("resume") == "groundplan release resume local eu-west-1 --region eu-west-1"
    with pytest.raises(CommandError, match=r"'eu-west-2' is not in .*; did you mean 'eu-west-1'"):
        releases(place, name, region="eu-west-2")
