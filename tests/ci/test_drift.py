"""Drift: what was changed or removed by other ways is found, told on GitHub once, and nothing is touched."""

import subprocess
from contextlib import nullcontext

import pytest

import environments
from ci.deploy import deploy
from ci.drift import drift
from ci.workflow.recorder import recorder
from ci.workflow.runner import rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT
from tests.ci.conftest import Tiny

pytestmark = [pytest.mark.terraform, pytest.mark.slow]

DRIFT = 'groundplan drift "$ENVIRONMENT" --summary "$GITHUB_STEP_SUMMARY" --issue'
APP = """
import json, os
from pathlib import Path

HERE = {"access_key": "test", "secret_key": "test", "skip_credentials_validation": True, "region": "us-east-1"}
STATE = {"bucket": "groundplan-local-state", "key": "local/us-east-1/one.tfstate", "use_path_style": True, **HERE}
PARAMETER = {"type": "String", "value": "a"}
def said(name):
    return {"//": {"metadata": {"path": f"one/{name}", "uniqueId": name}, "skipped_checks": {"CKV2_AWS_34": "a test"}}}
NAMES = ("kept", "changed", "removed")
folder = Path(os.environ["CDKTF_OUTDIR"]) / "stacks" / "local-us-east-1-one"
folder.mkdir(parents=True, exist_ok=True)
(folder / "cdk.tf.json").write_text(json.dumps({
    "terraform": {
        "backend": {"s3": STATE | {"use_lockfile": True, "skip_metadata_api_check": True}},
        "required_providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}},
    },
    "provider": {"aws": [{**HERE, "skip_metadata_api_check": "true"}]},
    "resource": {"aws_ssm_parameter": {name: PARAMETER | {"name": name} | said(name) for name in NAMES}},
}, indent=1))
stack = {"name": "one", "workingDirectory": "stacks/local-us-east-1-one", "dependencies": []}
(folder.parent.parent / "manifest.json").write_text(json.dumps({"stacks": {"local-us-east-1-one": stack}}))
"""


@pytest.fixture
def platform(tiny: Tiny) -> Tiny:
    """A deployed checkout of one stack on AWS, with all that the workflows' own commands look at."""
    root = tiny.workspace.root
    (root / "app.py").write_text(APP)
    for name in (".github", ".cache", "requirements-policy.lock"):
        (root / name).symlink_to(ROOT / name)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "app.py"), (*who, "commit", "--quiet", "--message", "All of it")):
        subprocess.run(["git", *words], cwd=root, check=True)
    deploy(tiny.site())
    return tiny


def test_what_others_changed_and_removed_is_told_until_it_is_put_back(
    platform: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm = platform.site().client("ssm")
    with recorder() as kept:
        # GitHub outlives a run of a workflow.
        monkeypatch.setattr("ci.workflow.runner.recorder", lambda: nullcontext(kept))
        assert failed(platform, "drift") == []
        assert kept.issues == {}
        ssm.put_parameter(Name="changed", Value="b", Overwrite=True)
        ssm.delete_parameter(Name="removed")
        assert failed(platform, "drift") == [DRIFT]
        (issue,) = kept.issues.values()
        assert issue["state"] == "open"
        assert "value: (sensitive) → (sensitive)" in issue["body"]
        assert "drifted: 2 of 3 resources in 1 stack" in issue["body"]
        assert failed(platform, "plan") == [], "a review, a plan and a price are told all the same"
        (comment,) = kept.comments.values()
        for part in ("## Cost of `local`", "Nothing changes against `HEAD (", "create", "aws_ssm_parameter.removed"):
            assert part in comment["body"]
        (found,) = drift(platform.site()).stacks.values()
        assert {one.address: one.action for one in found} == {
            "aws_ssm_parameter.changed": "update",
            "aws_ssm_parameter.removed": "destroy",
        }
        ssm.put_parameter(Name="changed", Value="a", Overwrite=True)
        ssm.put_parameter(Name="removed", Value="a", Type="String")
        assert failed(platform, "drift") == []
        assert [one["state"] for one in kept.issues.values()] == ["closed"]


def failed(tiny: Tiny, workflow: str) -> list[str]:
    """Run a workflow of ours with its own commands, from its first step to its last; return those that failed."""
    local, event = environments.load("local"), Event(base="HEAD")
    done = rehearse_workflow(workflow, local, tiny.workspace, event=event, program=tiny.program())
    assert {step.state for step in done.steps} <= {"done", "failed", "left out"}
    return [step.step for step in done.steps if step.state == "failed"]
