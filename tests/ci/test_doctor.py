"""The doctor finds what would stop a deploy, says how to mend it, and is content once that is done."""

import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

import environments
from ci.doctor import Diagnosis, diagnose
from ci.errors import NoAnswerError
from ci.finding import Finding
from ci.site import Site
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.spec import (
    AwsAccount,
    EmbeddedCloud,
    EndpointSpec,
    Environment,
    GithubSpec,
    GpuPoolSpec,
    RealTime,
    Serverless,
)
from tests.ci.conftest import REPOSITORY, Tiny


@pytest.fixture
def workspace(cloud_home: tuple[Path, CloudRecord]) -> Workspace:
    return Workspace(root=REPOSITORY, home=cloud_home[0])


def local(**fields: Any) -> Environment:
    """The environment `local` with other things in its region."""
    found = environments.load("local")
    return found.model_copy(update={"regions": (found.regions[0].model_copy(update=fields),)})


def told(diagnosis: Diagnosis, code: str) -> Finding:
    (found,) = (finding for finding in diagnosis.findings if finding.quota and finding.quota.quota_code == code)
    return found


def test_what_can_be_deployed_is_ready(workspace: Workspace) -> None:
    result = diagnose(environments.load("local"), workspace)
    assert (result.verdict, result.failures) == ("ready", 0)
    assert {finding.state for finding in result.findings} == {"ok"}
    checks = {finding.check for finding in result.findings}
    assert checks >= {"terraform", "node", "provider", "disk", "ports", "credentials", "clock", "state", "workflows"}
    assert checks >= {"zones us-east-1", "types us-east-1", "quota us-east-1"}


def test_a_quota_that_is_too_low_names_code_have_need_and_the_command_that_mends_it(
    workspace: Workspace, cloud_home: tuple[Path, CloudRecord]
) -> None:
    types = ("p4d.24xlarge",)
    pool = GpuPoolSpec(name="big", instance_types=types, least_types=1, max_nodes=20, max_on_demand_nodes=0)
    before = diagnose(local(gpu_pools=(pool,)), workspace)
    found = told(before, "L-7212CCBC")
    # It works, but not as far as the environment may go.
    assert (before.verdict, found.state) == ("ready", "warn")
    assert found.quota
    assert (found.quota.have, found.quota.need, found.quota.least) == (768, 1920, 96)
    assert found.told.startswith("L-7212CCBC All P4, P3 and P2 Spot Instance Requests: have 768, need 1920")
    assert found.fix == (
        "aws service-quotas request-service-quota-increase --region us-east-1 --service-code ec2 "
        "--quota-code L-7212CCBC --desired-value 1920"
    )
    ask(found.fix, cloud_home[1].url)
    assert told(diagnose(local(gpu_pools=(pool,)), workspace), "L-7212CCBC").state == "ok"


def ask(command: str, url: str) -> None:
    """Do with boto3 what the command does: the AWS CLI is not among our packages."""
    words = shlex.split(command)[3:]
    options = dict(zip(words[::2], words[1::2], strict=True))
    client = boto3.client(
        "service-quotas",
        region_name=options["--region"],
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.request_service_quota_increase(
        ServiceCode=options["--service-code"],
        QuotaCode=options["--quota-code"],
        DesiredValue=float(options["--desired-value"]),
    )


def test_a_deploy_that_would_fail_is_not_ready(workspace: Workspace) -> None:
    """A serverless endpoint takes its places at once; SageMaker machines that nobody has a code for go by name."""
    serving = tuple(
        EndpointSpec(name=f"e{turn}", model="review_sentiment", hosting=Serverless(max_concurrency=150))
        for turn in range(2)
    )
    live = EndpointSpec(name="live", model="review_sentiment", hosting=RealTime(instance_type="ml.c6i.xlarge"))
    result = diagnose(local(endpoints=(*serving, live)), workspace)
    found = told(result, "L-96300102")
    assert (result.verdict, found.state) == ("not ready", "fail")
    assert "have 200, need 300, and nothing works with less than 300" in found.told
    (by_name,) = (one for one in result.findings if one.quota and "ml.c6i.xlarge" in one.quota.name)
    assert by_name.state == "ok"
    assert by_name.quota
    assert by_name.quota.quota_code.startswith("L-")


def test_a_stopped_cloud_and_another_account_are_found(workspace: Workspace) -> None:
    stopped = local().model_copy(update={"target": EmbeddedCloud(name="nowhere")})
    (found,) = (finding for finding in diagnose(stopped, workspace).findings if finding.state == "fail")
    assert found.fix == "start it: groundplan cloud start --name nowhere"
    elsewhere = local().model_copy(update={"account_id": "999999999999"})
    (found,) = (finding for finding in diagnose(elsewhere, workspace).findings if finding.state == "fail")
    assert found.told == "they are of account 123456789012, and 'local' lives in 999999999999"


def test_without_credentials_it_exits_with_2_and_says_which_are_missing(tiny: Tiny) -> None:
    answer = tiny.run("doctor", "prod")
    assert answer.returncode == 2
    assert f"sign in to account {environments.load('prod').account_id}" in answer.stdout
    assert "prod: not ready" in answer.stdout


def test_without_an_environment_this_machine_alone_is_looked_at(workspace: Workspace) -> None:
    result = diagnose(None, workspace)
    assert (result.environment, result.verdict) == (None, "ready")
    assert {finding.check for finding in result.findings} == {"terraform", "node", "provider", "disk", "ports"}


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refusing() -> Iterator[str]:
    """An endpoint whose port nobody listens at, and that nobody else can take."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{own.getsockname()[1]}"


def test_what_does_not_answer_is_a_finding_each_and_the_rest_is_there(
    workspace: Workspace,
    cloud_home: tuple[Path, CloudRecord],
    silent: str,
    refusing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"": cloud_home[1].url, "_STS": refusing, "_SERVICE_QUOTAS": refusing, "_IAM": silent}
    for service, url in settings.items():
        monkeypatch.setenv(f"AWS_ENDPOINT_URL{service}", url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    began = time.monotonic()
    account = environments.load("local").model_copy(
        update={"target": AwsAccount(), "github": GithubSpec(repository="a/b")}
    )
    result = diagnose(account, workspace)
    assert time.monotonic() - began < 30, "botocore itself would have waited for minutes"
    found = {one.check: one for one in result.findings if "could not ask about" in one.told}
    unanswered = {check: one.state for check, one in found.items()}
    assert unanswered.items() >= {"credentials": "fail", "workflows": "warn", "quotas": "warn"}.items()
    assert f"sts in us-east-1: nobody takes calls at {refusing} (" in found["credentials"].told
    assert (
        f'the roles of workflows: iam in us-east-1: Read timeout on endpoint URL: "{silent}' in found["workflows"].told
    )
    assert all("a VPC endpoint" in str(one.fix) for one in found.values())
    assert "ok" in [one.state for one in result.findings if one.check == "zones us-east-1"]


def test_an_endpoint_that_was_silent_once_is_asked_no_more(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        site = Site(local(), workspace, f"http://127.0.0.1:{server.getsockname()[1]}", patience_seconds=0.3)
        for _ in range(3):
            with pytest.raises(NoAnswerError, match=r"ec2 in us-east-1: Read timeout.* within 0\.3 s"):
                site.client("ec2").describe_regions()
        server.setblocking(False)
        calls = 0
        with suppress(BlockingIOError):
            while True:
                server.accept()[0].close()
                calls += 1
    # One to see whether anybody is there, one to ask.
    assert calls == 2
