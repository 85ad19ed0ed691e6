"""Versions: their numbers, what keeps one from being released, and that all of it is written down."""

import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ci import admission, contracts, evaluation, semantic_version, versions
from ci import pipeline as pipelines
from ci.audit import record
from ci.audit.record import History
from ci.errors import CommandError, GateError, WorkError
from ci.jobs import JobRequest
from ci.leftovers import remove_what_releases_made
from ci.model_registry import Package
from ci.progress import QUIET
from ci.report.evaluation import render
from ci.semantic_version import Origin
from ci.site import Site
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.spec.contract import ServerlessCapacity, ServingContract, TrainingContract
from ml.errors import BundleError
from ml.evaluation.fairness import Fairness, Group
from ml.evaluation.reasons import Reasons
from ml.evaluation.report import Evaluation
from ml.evaluation.slices import Share
from ml.models.card import Gates
from tests.ci.conftest import REPOSITORY

MODEL, REGION, ROLE = "review_sentiment", "us-east-1", "arn:aws:iam::123456789012:role/job"
REPORT = {"accuracy": 0.84, "baseline_accuracy": 0.79, "parity": {"max_abs_diff": 1e-6, "tolerance": 1e-4}}
RUN = {"job": "train-1", "git": "c0ffee", "data": {"version": "d1"}, "recipe": {"name": "laptop", "epochs": 1}}
RIGHT = Share(rows=100, share=0.84, least=0.76, most=0.9)
GROUPS = {name: Group(right=RIGHT, selected={"a": 0.4, "b": 0.6}, recall={"a": 0.8}) for name in ("x", "<y>")}
EVALUATION = Evaluation(
    model=MODEL, right=RIGHT, calibration_error=0.01, slices={"length": {"short": RIGHT, "long": RIGHT}},
    worst_slice=("length", "long"), gates=Gates(), objections=[],
    fairness={"who": Fairness(groups=GROUPS, accuracy_gap=0.0, selection_gap=0.0, odds_gap=0.0)},
    reasons=Reasons(rows=2, words={"a": {"dull": 0.2}, "b": {}}, drop_without_heaviest=0.3, drop_without_any=0.1),
)  # fmt: skip
BEFORE = Origin(schema="s", data="d", recipe="r", code="c")


@dataclass(frozen=True)
class Place:
    """A site, and the names of what a deploy would have made there; each test has its own."""

    site: Site
    name: str
    contract: ServingContract
    folder: Path


@pytest.fixture(scope="module")
def site(cloud_home: tuple[Path, CloudRecord]) -> Site:
    return Site.reach("local", Workspace(root=REPOSITORY, home=cloud_home[0]))


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Place:
    """The environment `local` with the bucket, the key, the group and the contracts of a deploy."""
    name = f"versions-{secrets.token_hex(4)}"
    site.client("s3").create_bucket(Bucket=name)
    key = site.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    site.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    shared: dict[str, Any] = {"role_arn": ROLE, "image_uri": "i", "artifact_bucket": name, "kms_key_arn": key}
    training = TrainingContract(
        **shared, data_bucket="d", instance_type="ml.m5.large", volume_gb=1, max_runtime_seconds=1, spot=False,
        events_queue="", subnet_ids=(), security_group_ids=(),
    )  # fmt: skip
    capacity = ServerlessCapacity(memory_mb=2048, max_concurrency=2, provisioned_concurrency=0)
    serving = ServingContract(
        **shared, endpoint_name=name, model=MODEL, kind="serverless", capacity=capacity, model_package_group=name,
        signing_key_arn=key,
    )  # fmt: skip
    published = {
        TrainingContract.parameter_name("groundplan", "local"): training,
        ServingContract.parameter_name("groundplan", "local", "review-sentiment"): serving,
    }
    for parameter, contract in published.items():
        site.client("ssm").put_parameter(
            Name=parameter, Type="String", Value=contract.model_dump_json(), Overwrite=True
        )
    return Place(site, name, serving, tmp_path)


def serves(place: Place, bundle: str | None) -> None:
    """Stand up the endpoint on a bundle, or as before the first release on nothing."""
    sagemaker, container = place.site.client("sagemaker"), {"Image": "i"}
    container |= {"ModelDataUrl": bundle} if bundle else {}
    sagemaker.create_model(ModelName=place.name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    capacity = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    variant = {"VariantName": "live", "ModelName": place.name, "ServerlessConfig": capacity}
    sagemaker.create_endpoint_config(EndpointConfigName=place.name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=place.name, EndpointConfigName=place.name)


def content(place: Place, name: str, **changes: Any) -> Path:
    """What an optimization job leaves, as light as can be; `weights` are what a rebuild changes."""
    folder = place.folder / name
    folder.mkdir()
    weights, signature = changes.pop("weights", name), changes.pop("signature", {"labels": ["a", "b"]})
    files = {"card": {"name": MODEL}, "signature": signature, "report": {**REPORT, **changes.pop("report", {})}}
    for file, value in (files | {"run": {**RUN, **changes}}).items():
        (folder / f"{file}.json").write_text(json.dumps(value))
    (folder / "model.onnx").write_text(weights)
    (folder / "evaluation.json").write_text(json.dumps(asdict(EVALUATION)))
    return folder


def entered(place: Place, folder: Path) -> Package:
    history = History(place.site, MODEL)
    admission.judge(MODEL, folder.name, folder, history)
    return admission.enter(place.site, REGION, place.contract, folder, job=folder.name, number=None, history=history)


def cleared(place: Place, package: Package, *, approve: bool = True) -> bool:
    history = History(place.site, MODEL)
    return admission.clear(place.site, REGION, place.contract, package, approve=approve, history=history)


def told(place: Place) -> list[str]:
    return [entry.event for entry in record.listed(place.site).entries]


def test_what_changed_since_the_last_approved_one_decides_the_number(place: Place) -> None:
    first = entered(place, content(place, "first"))
    assert first.semantic_version == "1.0.0"
    assert cleared(place, first)
    assert entered(place, content(place, "rebuilt")).semantic_version == "1.0.1"
    other_data = entered(place, content(place, "other-data", data={"version": "d2"}))
    assert other_data.semantic_version == "1.1.0"
    assert entered(place, content(place, "other-recipe", recipe={"name": "lora"})).semantic_version == "1.2.0", (
        "1.1.0 waits"
    )
    assert entered(place, content(place, "small", report={"optimization": "small"})).semantic_version == "1.3.0"
    assert cleared(place, other_data)
    assert entered(place, content(place, "other-schema", signature={"labels": ["a"]})).semantic_version == "2.0.0"
    again = entered(place, place.folder / "first")
    assert (again.semantic_version, again.is_new) == ("1.0.0", False), "equal content is one version"


@given(
    number=some.tuples(*[some.integers(0, 30)] * 3),
    changes=some.dictionaries(some.sampled_from(["schema", "data", "recipe", "code"]), some.just("other")),
    count=some.integers(0, 5),
)
def test_a_number_grows_by_what_changed_and_is_never_given_twice(
    number: tuple[int, int, int], changes: dict[str, str], count: int
) -> None:
    approved, taken = ".".join(map(str, number)), set[str]()
    place = 0 if "schema" in changes else 1 if changes else 2
    for _ in range(count + 1):
        found = semantic_version.following((approved, BEFORE), replace(BEFORE, **changes), taken | {approved})
        parts = tuple(map(int, found.split(".")))
        assert parts > number
        assert found not in taken
        assert parts[:place] == number[:place]
        assert parts[place] == number[place] + len(taken) + 1
        assert set(parts[place + 1 :]) <= {0}
        taken.add(found)


def test_each_step_is_told_once_and_the_log_is_whole(place: Place) -> None:
    package = entered(place, content(place, "first"))
    assert cleared(place, package)
    steps = ["trained", "optimized", "registered", "approved"]
    assert told(place) == steps
    assert cleared(place, entered(place, place.folder / "first"))
    assert told(place) == steps, "a release that is run again tells nothing twice"
    found = record.verify(place.site)
    assert (found.entries, found.signed, found.flaws) == (4, 4, ())
    record.check(found)


def test_a_log_that_was_emptied_is_told_by_the_registry(place: Place) -> None:
    package = entered(place, content(place, "first"))
    s3 = place.site.client("s3")
    for entry in s3.list_objects_v2(Bucket=place.name, Prefix="audit/")["Contents"]:
        s3.delete_object(Bucket=place.name, Key=entry["Key"])
    with pytest.raises(WorkError, match=f"no entry tells that review_sentiment {package.version} was registered"):
        record.check(record.verify(place.site))


def test_figures_that_close_the_gate_are_told(place: Place) -> None:
    serves(place, None)
    folder = content(place, "worse", report={"accuracy": 0.5})
    with pytest.raises(GateError, match=r"accuracy=0\.5000 is below the baseline's 0\.7900") as caught:
        entered(place, folder)
    assert caught.value.exit_code == 1
    assert told(place) == ["trained", "optimized", "refused"]
    assert "0.5000" in record.listed(place.site).entries[-1].facts["why"]
    assert versions.listed(place.site).versions == ()


@pytest.mark.parametrize("how", ["changed", "replaced by another signed one", "removed"])
def test_a_bundle_that_was_tampered_with_is_refused_and_told(place: Place, how: str) -> None:
    package = entered(place, content(place, "first"))
    other = entered(place, content(place, "second"))
    s3 = place.site.client("s3")
    key, others = (one.bundle.removeprefix(f"s3://{place.name}/") for one in (package, other))
    if how == "removed":
        s3.delete_object(Bucket=place.name, Key=key)
    else:
        body = s3.get_object(Bucket=place.name, Key=others if "signed" in how else key)["Body"].read()
        s3.put_object(Bucket=place.name, Key=key, Body=body if "signed" in how else body[:-40] + b"x" * 40)
    with pytest.raises(
        GateError, match=r"bundle of 'review_sentiment' 1\.0\.0: s3://.* is not the one that was"
    ) as caught:
        entered(place, place.folder / "first")
    assert caught.value.exit_code == 1
    last = record.listed(place.site).entries[-1]
    assert (last.event, last.version) == ("refused", package.version)
    record.check(record.verify(place.site))


def test_decisions_hold_until_somebody_decides_otherwise(place: Place) -> None:
    serves(place, None)
    package = entered(place, content(place, "first"))
    assert not cleared(place, package, approve=False)
    rejected = versions.decide(place.site, MODEL, "1.0.0", "Rejected", why="worse on short texts")
    assert (rejected.version, rejected.regions) == (package.version, (REGION,))
    with pytest.raises(GateError, match="worse on short texts; to decide otherwise: groundplan models approve"):
        cleared(place, package)
    versions.decide(place.site, MODEL, package.version, "Approved")
    assert cleared(place, package, approve=False)
    assert told(place)[-3:] == ["rejected", "refused", "approved"]
    with pytest.raises(CommandError, match=r"'1\.0\.1' is not registered; did you mean '1\.0\.0'\?"):
        versions.decide(place.site, MODEL, "1.0.1", "Approved")
    with pytest.raises(CommandError, match="has no endpoint"):
        versions.decide(place.site, "review_writer", "1.0.0", "Approved")


def test_versions_are_listed_with_where_they_serve(place: Place) -> None:
    first, second = (entered(place, content(place, name)) for name in ("first", "second"))
    serves(place, first.bundle)
    assert [
        (line.version.semantic_version, line.endpoints) for line in versions.listed(place.site, model=MODEL).versions
    ] == [
        (second.semantic_version, ()),
        (first.semantic_version, (place.name,)),
    ]


def test_an_evaluation_is_read_from_the_signed_bundle_and_is_one_page(place: Place) -> None:
    serves(place, None)
    first = entered(place, content(place, "first"))
    found = evaluation.of(place.site, MODEL)
    assert (found.version.version, found.evaluation) == (first.version, EVALUATION)
    page = render(found)
    assert page == render(found)
    for told in ("84.0 %", "who", "&lt;y&gt;", "dull", "length: long (100)"):
        assert told in page
    assert not re.search(r"<(script|link|img)|href=\"[^#]|@import|url\([^#]", page), "it asks nobody for anything"
    key = first.bundle.removeprefix(f"s3://{place.name}/")
    place.site.client("s3").put_object(Bucket=place.name, Key=key, Body=b"nothing")
    with pytest.raises(BundleError, match="cannot be unpacked"):
        evaluation.of(place.site, MODEL)


def test_a_pipeline_is_put_once_and_then_brought_up_to_date(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its JSON, by SageMaker's schema; that such pipelines run is tested where they run."""
    request = JobRequest(
        kind="train",
        model=MODEL,
        channels={"training": "s3://d/x/"},
        hyperparameters={"model": MODEL, "recipe": "lora"},
    )
    monkeypatch.setattr(pipelines, "prepared", lambda *_: (request, "d1"))
    seen = pipelines.pipeline(place.site, MODEL)
    assert (seen.name, seen.arn) == (f"groundplan-local-{MODEL.replace('_', '-')}", None)
    train, optimize, evaluate = seen.definition["Steps"]
    assert optimize["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"][-1] == "optimize"
    found = {
        one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"]
        for one in optimize["Arguments"]["InputDataConfig"]
    }
    assert found == {"training": "s3://d/x/", "model": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    assert train["Arguments"]["HyperParameters"] == {"model": MODEL, "recipe": {"Get": "Parameters.Recipe"}}
    assert all("TrainingJobName" not in step["Arguments"] for step in (train, optimize)), "pipelines name their jobs"
    (register,) = evaluate["Arguments"]["IfSteps"]
    assert register["Arguments"]["ModelPackageGroupName"] == place.name
    with pytest.raises(CommandError, match="no role of pipelines"):
        pipelines.pipeline(place.site, MODEL, upsert=True)
    trusted = contracts.training_contract(place.site).model_copy(update={"pipeline_role_arn": ROLE})
    monkeypatch.setattr(pipelines, "training_contract", lambda _: trusted)
    put = pipelines.pipeline(place.site, MODEL, upsert=True)
    assert put.arn == pipelines.pipeline(place.site, MODEL, recipe="laptop", upsert=True).arn
    (known,) = place.site.client("sagemaker").list_pipelines(PipelineNamePrefix="groundplan-local")["PipelineSummaries"]
    assert known["PipelineArn"] == put.arn
    assert remove_what_releases_made(place.site, QUIET) >= 1
    assert not place.site.client("sagemaker").list_pipelines()["PipelineSummaries"]
