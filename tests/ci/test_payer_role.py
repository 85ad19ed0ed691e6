"""Who only plans takes the role that reads the payer's bill, and who applies that plan the one that changes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci.deploy import deploy
from ci.drift import drift
from ci.plan import plan
from ci.terraform import Terraform
from infra.spec import PayerSpec
from tests.ci.conftest import Tiny

THERE = "arn:aws:iam::444444444444:role"
PAYER = PayerSpec(role_arn=f"{THERE}/bill", reader_arn=f"{THERE}/reader")
# As infra/toolkit.py declares it.
VARIABLE = {"payer_role": {"type": "string", "default": "by hand", "ephemeral": True}}


@pytest.mark.terraform
def test_a_plan_by_who_reads_is_applied_by_who_changes(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, told = tiny.workspace.root / "app.py", tmp_path / "told"
    app.write_text(
        app.read_text().replace('        "resource":', f'        "variable": {VARIABLE},\n        "resource":')
    )
    tiny.runs(only=["aside"], aside=f"printf %s ${{var.payer_role}} > {told}")
    local = tiny.site().environment
    budget = local.budget.model_copy(update={"payer": PAYER})
    site = replace(tiny.site(), environment=local.model_copy(update={"budget": budget}))
    roles: list[str] = []

    def kept(program: Path, variables: dict[str, str], *more: Any) -> Terraform:
        roles.append(variables["TF_VAR_payer_role"])
        return Terraform(program, variables, *more)

    monkeypatch.setattr("ci.platform_run.Terraform", kept)
    saved = plan(site, save=True).saved
    deploy(site, plan=saved)
    assert told.read_text() == PAYER.role_arn
    assert drift(site).stacks == {}
    assert roles == [PAYER.reader_arn, PAYER.role_arn, PAYER.reader_arn]
