"""The pipeline that the `sagemaker` SDK writes beside ours, where the extra `sagemaker` is installed."""

from importlib.util import find_spec
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest

import environments
from ci import pipeline as pipelines
from ci.errors import MissingToolError, WorkError
from ci.jobs import JobRequest
from ci.site import Site
from ci.workspace import Workspace
from infra.spec.contract import TrainingContract
from tests.ci.conftest import REPOSITORY

MODEL = "review_sentiment"
REQUEST = JobRequest(
    kind="train",
    model=MODEL,
    channels={"training": "s3://d/x/"},
    hyperparameters={"model": MODEL, "recipe": "lora"},
)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site of which all is known that a definition needs; nobody is asked."""
    contract = TrainingContract(
        role_arn="r", image_uri="i", artifact_bucket="b", kms_key_arn="k", data_bucket="d", volume_gb=1, spot=False,
        instance_type="ml.m5.large", max_runtime_seconds=1, events_queue="", subnet_ids=(), security_group_ids=(),
    )  # fmt: skip
    serving = SimpleNamespace(image_uri="i", model_package_group="g")
    monkeypatch.setattr(pipelines, "prepared", lambda *_: (REQUEST, "d1"))
    monkeypatch.setattr(pipelines, "training_contract", lambda _: contract)
    monkeypatch.setattr(pipelines, "endpoints_of", lambda *_: [("us-east-1", serving)])
    return Site(environments.load("local"), Workspace(root=REPOSITORY, home=REPOSITORY), "http://127.0.0.1:1")


@pytest.mark.skipif(not find_spec("sagemaker"), reason="the extra `sagemaker` is not installed")
def test_the_sdk_writes_the_same_pipeline_from_typed_references(site: Site) -> None:
    assert pipelines.pipeline(site, MODEL, by_sdk=True) == pipelines.pipeline(site, MODEL)


def test_who_has_no_sdk_is_told_how_to_get_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match=r"install the extra, .*: pip install -e '\.\[sagemaker\]'"):
        pipelines.pipeline(site, MODEL, by_sdk=True)


def test_what_the_sdk_writes_otherwise_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "find_spec", lambda _: True)
    said = CompletedProcess((), 0, stdout='{"Version": "2020-12-01", "Metadata": {}}', stderr="INFO: a word")
    monkeypatch.setattr(pipelines.subprocess, "run", lambda *_, **__: said)
    with pytest.raises(WorkError, match="is not what the SDK makes of it: another definition"):
        pipelines.pipeline(site, MODEL, by_sdk=True)
