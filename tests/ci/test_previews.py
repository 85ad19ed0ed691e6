"""Previews: what a pull request gets, what its role may not, and that nothing of it stays."""

import json
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

import app
import environments
from ci.deploy import deploy
from ci.errors import StacksError, WorkError
from ci.previews import previews, reap
from ci.site import Site
from ci.state import StateStore
from ci.undeclared import UndeclaredStack
from ci.workflow.runner import WorkflowOutcome, rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT
from infra.spec import SpecError
from tests.ci.conftest import Tiny

BUCKET, STATE = "groundplan-local-state", "us-east-1/first.tfstate"


def test_a_preview_is_its_elder_without_what_an_account_has_once() -> None:
    dev, preview = environments.load("dev"), environments.load("devpr7")
    assert dev.preview
    (region,) = preview.regions
    assert (region.gpu_pools, region.endpoints) == (dev.regions[0].gpu_pools, dev.regions[0].endpoints)
    assert (preview.name, preview.account_id, preview.state) == ("devpr7", dev.account_id, dev.state)
    assert (preview.ttl_hours, preview.budget.monthly_usd) == (dev.preview.ttl_hours, dev.preview.monthly_usd)
    assert (preview.guarded, preview.audit, preview.github, preview.budget.anomalies) == (False, None, None, ())
    assert region.edge_fleets == ()
    assert not region.network.block.overlaps(dev.regions[0].network.block)
    assert "devpr7" not in environments.names()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("prodpr7", "environment 'prod': preview=None allows no previews; give it preview=PreviewSpec(…)"),
        ("devpr", "has no file in environments/"),
        ("devpr0", "has no file in environments/"),
        ("devpr1234567", "name='devpr1234567'"),
    ],
)
def test_what_is_no_preview_is_told(name: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        environments.load(name)
    assert told in str(error.value)


def test_a_preview_s_role_makes_previews_and_leaves_all_else_alone(tmp_path: Path) -> None:
    app.write([environments.load("dev")], tmp_path, bootstrap=True)
    (file,) = tmp_path.glob("stacks/*/cdk.tf.json")
    policy = json.loads(json.loads(file.read_text())["resource"]["aws_iam_role_policy"]["preview"]["policy"])
    made, passed, linked, elder, state = policy["Statement"]
    for kind in (made, passed):
        for name, may in (("devpr7-us-east-1-jobs", True), ("dev-us-east-1-jobs", False), ("prod-us-east-1-x", False)):
            arn = f"arn:aws:iam::{environments.load('dev').account_id}:role/groundplan-{name}"
            assert any(fnmatchcase(arn, one) for one in kind["Resource"]) == may
    assert "aws-service-role" in linked["Resource"][0]
    assert (elder["Effect"], elder["Condition"]["StringEquals"]["aws:ResourceTag/environment"]) == ("Deny", "dev")
    assert (state["Effect"], state["Resource"][0].rpartition("}")[2]) == ("Deny", "/dev/*")


@pytest.mark.terraform
def test_the_workflow_deploys_tells_and_destroys_and_the_clock_ends_what_was_forgotten(tiny: Tiny) -> None:
    tiny.runs(only=["aside"])
    (tiny.workspace.root / ".github").symlink_to(ROOT / ".github")
    done = rehearsed(tiny, "labeled")
    assert {step.state for step in done.steps if step.job == "deploy (local)"} == {"done", "left out"}
    assert "| `localpr1` | #1 | " in done.told[0].read_text()
    assert [one.environment for one in previews(tiny.site()).standing] == ["localpr1"]
    assert not rehearsed(tiny, "closed").failed
    assert previews(tiny.site()).standing == ()

    tiny.runs(only=["first", "second"])
    deploy(Site.of(environments.load("localpr2"), tiny.workspace))
    # What the pull request had beside main's code.
    tiny.runs(only=["first"])
    deploy(tiny.site())
    assert [one.environment for one in reap(tiny.site()).standing] == ["localpr2"]
    later = reap(tiny.site(), now=datetime.now(UTC) + timedelta(hours=25))
    assert (later.destroyed, later.standing, previews(tiny.site()).standing) == (("localpr2",), (), ())


def test_what_will_not_go_keeps_no_other_preview_standing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    creating = {"Error": {"Code": "ValidationException", "Message": "Cannot update in-progress endpoint"}}
    refused: dict[str, Exception] = {
        "localpr1": ClientError(creating, "DeleteEndpoint"),
        "localpr2": ConnectTimeoutError(endpoint_url="https://logs"),
        "localpr3": StacksError(thing="destroy", value="localpr3-first", rule="failed", fix="mend it"),
    }
    foreign = UndeclaredStack(stack="localpr4-us-east-1-dns", region="us-east-1", state=STATE, resources=1)
    asked = []

    def destroyed(site: Site, **_: object) -> SimpleNamespace:
        asked.append(site.name)
        if site.name in refused:
            raise refused[site.name]
        tiny.site().client("s3").delete_object(Bucket=BUCKET, Key=f"{site.name}/{STATE}")
        return SimpleNamespace(undeclared=(foreign,) if site.name == "localpr4" else ())

    monkeypatch.setattr("ci.previews.destroy", destroyed)
    StateStore(tiny.site()).ensure_bucket()
    names = [*refused, "localpr4", "localpr5"]
    for name in names:
        tiny.site().client("s3").put_object(Bucket=BUCKET, Key=f"{name}/{STATE}")
    with pytest.raises(WorkError, match="'local': 4 of 5 still stand") as error:
        reap(tiny.site(), now=datetime.now(UTC) + timedelta(hours=25))
    assert asked == names
    *told, last = error.value.details
    assert all(line.startswith(f"{name}: {why}") for line, (name, why) in zip(told, refused.items(), strict=True))
    assert "lacks the providers of localpr4-us-east-1-dns" in last
    assert "git fetch origin pull/4/head" in last


def rehearsed(tiny: Tiny, action: str) -> WorkflowOutcome:
    """Let that happen to pull request 1, which has the label."""
    event = Event(base="0", name=f"pull_request.{action}", labels=("preview",))
    return rehearse_workflow("preview", environments.load("local"), tiny.workspace, event=event, program=tiny.program())
