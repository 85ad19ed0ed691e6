"""One plan over stacks that depend on each other: complete before any stands; and what is applied is what it said."""

import json
import re
from typing import Any

import pytest

from ci.changes.resource import FORGOTTEN, UNKNOWN
from ci.changes.saved import SavedPlan, SavedStack
from ci.deploy import deploy
from ci.errors import CommandError, StacksError, StalePlanError
from ci.manifest import read_stacks
from ci.plan import PlanResult, plan
from ci.state import StateStore
from tests.ci.conftest import Tiny

pytestmark = pytest.mark.terraform

BUCKET = "groundplan-local-state"


def told(result: PlanResult) -> dict[str, list[str]]:
    return {name.rsplit("-", 1)[1]: [str(change) for change in found.changes] for name, found in result.stacks.items()}


def saved(tiny: Tiny) -> tuple[PlanResult, str]:
    result = plan(tiny.site(), save=True)
    assert result.saved
    return result, result.saved


def test_a_plan_is_complete_from_the_first_and_a_saved_one_is_what_is_applied(tiny: Tiny) -> None:
    before, name = saved(tiny)
    both = ["create terraform_data.before", "create terraform_data.work"]
    assert told(before) == dict.fromkeys(("first", "second", "third", "aside"), both)
    exact = {name.rsplit("-", 1)[1]: found.exact for name, found in before.stacks.items()}
    assert exact == {"first": True, "second": False, "third": False, "aside": True}
    done = deploy(tiny.site(), plan=name[:12])
    assert (done.changed, [outcome.created for outcome in done.stacks]) == (8, [2, 2, 2, 2])
    with pytest.raises(StalePlanError, match=r"the state of local-us-east-1-aside changed from none to \w+/\d"):
        deploy(tiny.site(), plan=name)
    after = plan(tiny.site())
    assert (after.summary.total, after.undeclared) == (0, ())
    assert all(found.exact for found in after.stacks.values())


def test_a_change_of_what_one_hands_on_reaches_every_stack_and_a_stale_plan_none(tiny: Tiny) -> None:
    deploy(tiny.site())
    tiny.runs(wants={"first": "other $${text}"})
    state = tiny.site().client("s3")
    state.put_object(Bucket=BUCKET, Key="local/us-east-1/gone.tfstate", Body=b"{}")
    result, name = saved(tiny)
    one = ["update terraform_data.before"]
    assert told(result) == {"first": one, "second": one, "third": one, "aside": []}
    third = result.stacks["local-us-east-1-third"]
    assert third.awaits == ("local-us-east-1-second",)
    assert any(UNKNOWN in line for line in third.changes[0].attributes)
    assert [(one.state, one.resources) for one in result.undeclared] == [("local/us-east-1/gone.tfstate", 0)]

    tiny.runs(wants={"first": "yet another"})
    refused = tiny.run("deploy", "local", "--plan", name)
    assert refused.returncode == 2
    assert "the code of local-us-east-1-first changed; plan again" in refused.stderr

    tiny.runs(wants={"first": "other $${text}"})
    for part in ("local-us-east-1-third", "manifest.json"):
        key = f"local/plans/{name}/{part}"
        whole = state.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        # A manifest with a space more says the same, and is not what was reviewed.
        state.put_object(Bucket=BUCKET, Key=key, Body=whole + b" ")
        with pytest.raises(StalePlanError, match=f"{re.escape(part)} is not what its hash says"):
            deploy(tiny.site(), plan=name)
        state.put_object(Bucket=BUCKET, Key=key, Body=whole)
    with pytest.raises(CommandError, match="'00000000' is none"):
        deploy(tiny.site(), plan="00000000")
    assert deploy(tiny.site(), plan=name).changed == 3
    assert plan(tiny.site()).summary.total == 0


def test_what_was_not_reviewed_is_refused_in_a_stack_s_turn(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(tiny.site())
    tiny.runs(wants={"first": 2})
    _, name = saved(tiny)
    s3, key, check = tiny.site().client("s3"), "local/us-east-1/second.tfstate", SavedPlan.check

    def loses_one(*known: Any) -> None:
        """Somebody takes a resource of the second stack away when all was found to be as it was."""
        check(*known)
        state = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        state["resources"] = [one for one in state["resources"] if one["name"] != "work"]
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(state).encode())

    monkeypatch.setattr(SavedPlan, "check", loses_one)
    with pytest.raises(StacksError, match=r"second.*not in the plan that was reviewed: create terraform_data\.work"):
        deploy(tiny.site(), plan=name)
    left = told(plan(tiny.site()))
    assert left["first"] == [], "its turn was before"
    assert left["second"] == ["update terraform_data.before", "create terraform_data.work"]
    assert left["third"] == ["update terraform_data.before"]


def test_what_only_the_state_hears_of_is_planned_and_a_saved_plan_carries_it_out(tiny: Tiny) -> None:
    tiny.runs(cdktf="before")
    deploy(tiny.site())
    (stack,) = read_stacks(tiny.workspace.folder("local") / "cdktf.out")
    before = StateStore(tiny.site()).ids(stack)
    tiny.runs(cdktf="after")
    result, name = saved(tiny)
    (found,) = result.stacks.values()
    assert {str(change): change.because for change in found.changes} == {
        "import terraform_data.found": "there already: an-id",
        "forget terraform_data.left": FORGOTTEN,
        "move terraform_data.new": "was terraform_data.old",
        "move terraform_data.newer": "was terraform_data.older",
    }
    summary = {"create": 0, "update": 0, "replace": 0, "destroy": 0, "move": 2, "import": 1, "forget": 1}
    assert json.loads(result.model_dump_json())["summary"] == summary

    done = deploy(tiny.site(), plan=name)
    assert done.told == "0 changed, 2 moved, 1 imported, 1 forgotten"
    assert StateStore(tiny.site()).ids(stack) == {
        "terraform_data.found": "an-id",
        "terraform_data.new": before["terraform_data.old"],
        "terraform_data.newer": before["terraform_data.older"],
    }
    assert plan(tiny.site()).summary.total == 0


def test_what_turns_out_as_less_than_was_reviewed_passes_and_nothing_else() -> None:
    reviewed = ("replace a.a", "update a.b", "create a.c")
    kept = SavedStack(code="", state="", plan="", exact=False, applies=True, changes=reviewed)
    assert kept.objections(["update a.a", "create a.c"]) == []
    assert kept.objections(["move a.a", "import a.b"]) == [], "they are in the code, with an update that nothing needs"
    assert kept.objections(["move a.c", "forget a.a"]) == ["move a.c", "forget a.a"]
    assert kept.objections(["replace a.b", "destroy a.c", "update a.d"]) == ["replace a.b", "destroy a.c", "update a.d"]
