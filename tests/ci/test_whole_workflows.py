"""The workflows deploy and bursts whole, by their own commands; what has a story of its own runs in its own test."""

import pytest

import environments
from ci.workflow.runner import rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT
from tests.ci.conftest import Tiny

APPROVED = "apply what was approved"


@pytest.mark.terraform
def test_a_deploy_stops_at_what_fails_and_goes_on_when_that_is_mended(tiny: Tiny) -> None:
    (tiny.workspace.root / ".github").symlink_to(ROOT / ".github")
    tiny.runs(only=["aside"], aside="false")
    assert done(tiny, "deploy", APPROVED) == ["failed"], "neither staging nor prod is begun"
    tiny.runs(only=["aside"])
    # What was half made is made anew.
    names = {"destroys_data": "local-us-east-1-aside:terraform_data.work"}
    assert done(tiny, "deploy", APPROVED, **names) == ["done", "done", "done"]
    assert done(tiny, "bursts", 'groundplan burst reap "$ENVIRONMENT"') == ["done"]


def done(tiny: Tiny, workflow: str, step: str, **inputs: str) -> list[str]:
    """Run a workflow as it is, and tell how one of its steps went in each job that came to it."""
    local, event = environments.load("local"), Event(base="0", inputs=inputs)
    found = rehearse_workflow(workflow, local, tiny.workspace, event=event, program=tiny.program())
    return [one.state for one in found.steps if one.step == step]
