"""A fork learns before its first deploy which fields are still the blueprint's, and what two environments share."""

from pathlib import Path
from typing import Any

import pytest

import environments
from ci.cli import run
from ci.ownership_check import check_ownership, listed
from infra.spec import (
    AlertsSpec,
    AwsAccount,
    BudgetSpec,
    EmbeddedCloud,
    Environment,
    FlowLogSpec,
    GithubSpec,
    NetworkSpec,
    RegionSpec,
    StateSpec,
)

NOBODYS = "1" * 12
DEV = environments.load("dev")


def mine(
    *, account: str = "601234567890", bucket: str = "acme-mine-terraform", cidr: str = "172.20.0.0/16", **fields: Any
) -> Environment:
    network = NetworkSpec(cidr=cidr, flow_logs=(FlowLogSpec(kept_days=1),))
    named: dict[str, Any] = {
        "github": GithubSpec(repository="acme/models"),
        "regions": (RegionSpec(name="us-east-1", network=network),),
        "budget": BudgetSpec(monthly_usd=1, emails=("ml@acme.test",)),
        "target": AwsAccount(),
    }
    state = StateSpec(bucket=bucket, region="us-east-1")
    given: dict[str, Any] = {
        "name": "mine",
        "owner": "me",
        "cost_centre": "mine",
        "account_id": account,
        "state": state,
    }
    return Environment(**given, **(named | fields))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other environment, whatever a fork's are."""
    monkeypatch.setattr(environments, "names", tuple)


@pytest.mark.usefixtures("alone")
def test_what_is_ones_own_gets_no_word() -> None:
    assert check_ownership(mine()) == []


@pytest.mark.usefixtures("alone")
def test_each_placeholder_is_a_finding_with_its_field_and_file() -> None:
    budget = BudgetSpec(monthly_usd=1, emails=("a@example.com", "ann@acme.test"))
    alerts = AlertsSpec(page=("https://events.example.com/x",), ticket=("b@example.com",))
    github = GithubSpec(repository="example/anything")
    # What two regions say alike is told once.
    logs = (FlowLogSpec(bucket="example-archive"),)
    regions = tuple(
        RegionSpec(name=name, network=NetworkSpec(cidr=cidr, flow_logs=logs))
        for name, cidr in (("us-east-1", "172.20.0.0/16"), ("eu-west-1", "172.21.0.0/16"))
    )
    found = check_ownership(mine(account=NOBODYS, budget=budget, alerts=alerts, github=github, regions=regions))
    assert {one.state for one in found} == {"fail"}
    assert sorted((one.told.removesuffix(" is a placeholder of the blueprint"), one.fix) for one in found) == sorted(
        (f"{word}: {field}={value!r}", f"write your own {field} in environments/mine.py")
        for word, field, value in (
            ("environment", "account_id", NOBODYS),
            ("GitHub repository", "repository", "example/anything"),
            ("budget", "emails", "a@example.com"),
            ("alerts", "page", "https://events.example.com/x"),
            ("alerts", "ticket", "b@example.com"),
            ("flow log", "bucket", "example-archive"),
        )
    )


def test_an_embedded_cloud_can_be_anybodys() -> None:
    assert check_ownership(mine(account=NOBODYS, target=EmbeddedCloud())) == []


def test_a_copy_that_kept_the_bucket_or_the_network_of_its_model_is_told() -> None:
    bucket, network = check_ownership(mine(bucket=DEV.state.bucket, cidr=DEV.regions[0].network.cidr))
    assert (bucket.state, network.state) == ("fail", "warn")
    assert bucket.told == f"state: bucket={DEV.state.bucket!r} is that of environment 'dev' too"
    assert str(bucket.fix).startswith("give state.bucket a name of its own in environments/mine.py")
    assert "of 'dev' in 'us-east-1', so the two can never be joined" in network.told
    assert "give the region a cidr of its own in environments/mine.py" in str(network.fix)


def test_workflows_work_on_what_has_an_account_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {
        "theirs": mine(account=NOBODYS),
        "mine": mine(),
        "here": mine(target=EmbeddedCloud(), github=None),
        "by-hand": mine(github=None),
    }
    found = {name: one.model_copy(update={"name": name}) for name, one in known.items()}
    monkeypatch.setattr(environments, "names", lambda: tuple(found))
    monkeypatch.setattr(environments, "load", found.__getitem__)
    assert listed(owned=True).environments == ("mine",)
    assert listed(owned=True, only="theirs").environments == listed(owned=True, previews=True).environments == ()
    output, summary = tmp_path / "output", tmp_path / "summary"
    words = ["environments", "--owned", "--output", str(output), "--summary", str(summary)]
    assert run(words) == 0
    assert (output.read_text(), summary.exists()) == ('environments=["mine"]\n', False)
    assert run([*words, "--only", "theirs"]) == 0
    assert output.read_text().endswith("\nenvironments=[]\n")
    assert '"Make it\nyours" in the README' in summary.read_text()
    monkeypatch.undo()
    assert run(["environments", "--owned", "--only", "prd"]) == 2
    assert "'prd' has no file in environments/" in capsys.readouterr().err
