"""What holds data goes only where a label, or its name, says so: in the workflows themselves, and without them."""

import re

import pytest
import yaml

import environments
from ci.changes.consent import LABEL, check_labels, check_names
from ci.changes.resource import ResourceChange
from ci.changes.saved import SavedPlan, SavedStack
from ci.cli import run
from ci.deploy import deploy
from ci.errors import LossError
from ci.workflow.runner import rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT
from tests.ci.conftest import Tiny

GONE = ResourceChange(action="destroy", address="aws_s3_bucket.data", type="aws_s3_bucket")
LOSSES = {"dev-data": [GONE], "dev-eu-data": [GONE.model_copy(update={"action": "replace"})]}


def test_a_loss_wants_the_label_and_a_plan_without_one_does_not() -> None:
    told = "dev-data: destroy aws_s3_bucket.data; dev-eu-data: replace aws_s3_bucket.data loses what is in it, for good"
    with pytest.raises(LossError, match=f"plan of 'dev': {told}; if that is wanted, give .* the label '{LABEL}'"):
        check_labels("dev", LOSSES, ["bug"])
    check_labels("dev", LOSSES, ["bug", LABEL])
    check_labels("dev", {}, [])


def test_a_deploy_wants_the_stack_and_the_address_of_each_that_goes() -> None:
    other = LOSSES | {"dev-queue": [GONE.model_copy(update={"address": 'aws_sqs_queue.jobs["a:b"]'})]}
    all_of_it = [
        *("dev-data:aws_s3_bucket.data", "dev-eu-data:aws_s3_bucket.data"),
        'dev-queue:aws_sqs_queue.jobs["a:b"]',
    ]
    with pytest.raises(LossError, match=re.escape(f"--destroys-data {','.join(all_of_it)}; in the")) as refused:
        check_names("dev", other, ["dev-data:aws_s3_bucket.data", "prod-eu-data:aws_s3_bucket.data"])
    assert "dev-data: destroy" not in str(refused.value), "only what is not named yet is told"
    assert "dev-eu-data: replace aws_s3_bucket.data" in str(refused.value), "a name is good for one stack alone"
    check_names("dev", other, [*all_of_it, "prod-eu-data:aws_s3_bucket.data"])


@pytest.mark.parametrize("losses", [LOSSES, {}])
def test_an_address_without_its_stack_says_yes_to_nothing(losses: dict[str, list[ResourceChange]]) -> None:
    meant = "say which: dev-data:aws_s3_bucket.data,dev-eu-data:aws_s3_bucket.data" if losses else "say STACK:ADDRESS"
    with pytest.raises(LossError, match=rf"--destroys-data: 'aws_s3_bucket\.data' names no stack, .*; {meant}"):
        check_names("dev", losses, ["aws_s3_bucket.data"])
    with pytest.raises(LossError, match="names no stack"):
        check_names("dev", losses, ['aws_sqs_queue.jobs["a:b"]'])


def test_a_saved_plan_knows_what_it_loses() -> None:
    changes = ("create aws_s3_bucket.new", "destroy aws_s3_bucket.data", "destroy aws_vpc.main", "update aws_kms_key.k")
    one = SavedStack(code="", state="", plan="", exact=True, applies=True, changes=changes)
    plan = SavedPlan(environment="dev", made_at="2026-01-01T00:00:00Z", stacks={"dev-data": one})
    assert {name: list(map(str, lost)) for name, lost in plan.losses.items()} == {
        "dev-data": ["destroy aws_s3_bucket.data"]
    }


def test_the_option_says_yes_to_saved_plans_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "local", "--destroys-data", "aws_s3_bucket.data"]) == 2
    assert "give --plan too" in capsys.readouterr().err


@pytest.mark.terraform
def test_workflows_stop_before_data_is_lost_unless_somebody_said_so(
    tiny: Tiny, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny.runs(only=["aside"])
    deploy(tiny.site())
    tiny.runs(only=["aside"], lacks="aside")
    assert rehearsed(tiny, "plan") == {"what changes": "failed"}
    assert "local-us-east-1-aside: destroy terraform_data.work loses what is in it" in capfd.readouterr().err
    assert rehearsed(tiny, "plan", labels=(LABEL,)) == {"what changes": "done"}

    steps = ("plan and keep it", "apply what was approved")
    assert rehearsed(tiny, "deploy-environment") == dict(zip(steps, ("done", "failed"), strict=True))
    assert "--destroys-data local-us-east-1-aside:terraform_data.work;" in capfd.readouterr().err
    named = rehearsed(tiny, "deploy-environment", inputs={"destroys_data": "local-us-east-1-aside:terraform_data.work"})
    assert named == dict.fromkeys(steps, "done")


KEPT = {"environments", "plan", "deploy"}


def rehearsed(tiny: Tiny, workflow: str, **event: object) -> dict[str, str]:
    """Run those steps of a workflow of ours that plan and deploy, on the tiny checkout; tell how they went."""
    for name in (workflow, "environments"):
        document = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
        # YAML 1.1 takes the key `on` for true.
        document["on"] = document.pop(True)
        for job in document["jobs"].values():
            if "steps" in job:
                job["steps"] = [step for step in job["steps"] if KEPT & set(step.get("run", "").split()[1:2])]
        place = tiny.workspace.root / ".github" / "workflows" / f"{name}.yml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(yaml.safe_dump(document))
    done = rehearse_workflow(
        workflow,
        environments.load("local"),
        tiny.workspace,
        event=Event.model_validate({"base": "0", **event}),
        program=tiny.program(),
    )
    return {step.step: step.state for step in done.steps if step.job != "list"}
