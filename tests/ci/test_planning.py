"""`groundplan train --plan`: what fits where, what to change where it does not, what it takes and costs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import environments
from ci import console
from ci.cli import run
from ci.errors import CommandError
from ci.planning import training
from ci.planning.machines import chosen
from ci.planning.table import drawn
from ci.planning.training import TrainingPlan
from ci.prices.refresh import snapshot
from ci.workspace import Workspace
from infra.prices import FIELDS
from ml.models import catalogue
from ml.training import sizing

PROD = environments.load("prod")
UNREFRESHED = Workspace(root=Path("nowhere"))


def planned(recipe: str, machine: str, tokens: float = 1e9, workspace: Workspace = UNREFRESHED) -> TrainingPlan:
    return training.plan(PROD, workspace, "review_writer", recipe, chosen(PROD, machine), tokens=tokens)


def test_the_largest_recipe_fills_eight_h100s() -> None:
    plan = planned("node", "p5.48xlarge", 20e9)
    assert plan.fits
    assert 0.9 < plan.memory.total / plan.memory.available < 1
    assert plan.steps * plan.tokens_per_step == plan.tokens == pytest.approx(20e9, rel=1e-4)
    per_second = plan.teraflop_per_step / plan.time.step_seconds
    assert per_second == pytest.approx(plan.time.utilization * 8 * 989)
    assert plan.usd_on_demand == pytest.approx(plan.hours * 55.04)
    assert plan.usd_spot is None


def test_what_does_not_fit_is_told_with_what_would() -> None:
    plan = planned("eight_small", "small")
    assert not plan.fits
    assert plan.advice[-1] == "1 × p5.4xlarge (1 × H100) takes it as it is, at $6.88 an hour"


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        ("g4dn.xlarge:0.5", "has no count after ':'; say g4dn.xlarge:2"),
        ("p5.48xlage", "did you mean 'p5.48xlarge'"),
        ("g7.48xlarge", "of which nothing is known"),
        ("g4dn.xlarge:3", "batch_size=64 cannot be cut into equal parts for 3 processes, 8 each"),
    ],
)
def test_machines_that_cannot_be_planned_with_are_named(machine: str, says: str) -> None:
    with pytest.raises(CommandError) as error:
        planned("gpu", machine)
    assert says in str(error.value)


def test_a_plan_goes_by_what_aws_asked_last(tmp_path: Path) -> None:
    place = Workspace(root=tmp_path, home=tmp_path)
    snapshot(PROD, place).parent.mkdir()
    row = "p5.48xlarge,us-east-1,Hrs,50,2026-11-01,price list,"
    snapshot(PROD, place).write_text(f"{','.join(FIELDS)}\n{row}\n")
    plan = planned("node", "p5.48xlarge", workspace=place)
    assert plan.usd_on_demand == pytest.approx(plan.hours * 50)
    assert "prices as of 2026-11-01" in plan.assumptions


def test_a_run_that_is_short_for_want_of_data_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    for tokens, warned in ((1e6, True), (20e9, False)):
        console.show(planned("node", "p5.48xlarge", tokens), False, drawn(planned("node", "p5.48xlarge", tokens)))
        assert ("--tokens 1.3e+11" in capsys.readouterr().out) == warned


def test_smaller_parts_are_advised_before_another_machine() -> None:
    recipe = replace(catalogue.recipe("review_writer", "gpu"), accumulate=1)
    size = sizing.measure("review_writer", recipe, bfloat16=True)
    first, *_ = training._advice(size, recipe, chosen(PROD, "g5.xlarge"), {})
    assert first.startswith("parallel='ddp', accumulate=2 takes ")


def test_the_command_prints_a_plan_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "prod", "review_writer", "--recipe", "debug", "--plan"]
    assert run(command) == 0
    assert "it fits" in capsys.readouterr().out
    assert run([*command, "--machine", "small", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["steps"] == 52
    assert plan["usd_spot"] < plan["usd_on_demand"]
