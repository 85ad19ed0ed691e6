"""What a reviewer reads of a plan: reasons, losses in red, no secrets, never longer than GitHub takes."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import environments
from ci.changes import handed, resource
from ci.changes.comment import comment
from ci.changes.difference import difference
from ci.changes.picture import RED, mermaid, svg
from ci.changes.resource import ResourceChange
from ci.manifest import S3Backend, Stack
from ci.plan import Changes, PlanResult, StackPlan
from ci.undeclared import UndeclaredStack

LIMIT = 65_536


def planned(actions: list[str], address: str, **change: Any) -> dict[str, Any]:
    whole = {"actions": actions, "before": None, "after": None, "after_unknown": False, **change}
    reason = {"action_reason": whole.pop("reason")} if "reason" in whole else {}
    return {"mode": "managed", "type": address.split(".")[0], "address": address, "change": whole, **reason}


def one_change(*arguments: Any, **change: Any) -> ResourceChange:
    (found,) = resource.of_plan({"resource_changes": [planned(*arguments, **change)]})
    return found


def test_an_update_names_each_value_at_its_place() -> None:
    before = {"tags": {"owner": "ann", "team": "a"}, "rules": [{"days": 1}], "same": 1}
    after = {"tags": {"owner": "bob"}, "rules": [{"days": 2}], "same": 1}
    found = one_change(["update"], "aws_x.y", before=before, after=after, after_unknown={"arn": True})
    assert found.attributes == (
        *("tags.owner: 'ann' → 'bob'", "tags.team: 'a' → None", "rules.0.days: 1 → 2"),
        "arn: None → (known after apply)",
    )


def test_a_secret_is_named_and_never_shown() -> None:
    secret = {"before_sensitive": {"value": True}, "after_sensitive": {"value": True}}
    found = one_change(["update"], "aws_ssm_parameter.x", before={"value": "hush"}, after={"value": "hush!"}, **secret)
    assert found.attributes == ("value: (sensitive) → (sensitive)",)


def test_a_replacement_says_what_forces_it_and_whether_contents_go() -> None:
    values = {"before": {"bucket": "a", "arn": "x"}, "after": {"bucket": "b"}, "after_unknown": {"arn": True}}
    found = one_change(["delete", "create"], "aws_s3_bucket.data", replace_paths=[["bucket"]], **values)
    assert (found.because, found.attributes, found.loses) == (
        *("bucket cannot be changed in place", ("bucket: 'a' → 'b'",), True),
    )
    gone = one_change(["delete"], "aws_kms_key.main", reason="delete_because_no_resource_config")
    assert (gone.because, gone.loses, str(gone)) == ("no longer declared", True, "destroy aws_kms_key.main")
    pool = one_change(["create", "delete"], "aws_batch_compute_environment.x", reason="replace_by_triggers")
    assert (pool.because, pool.loses) == ("goes with what it names in replace_triggered_by", False)


def test_what_is_moved_or_imported_says_where_from_also_when_it_changes_too() -> None:
    def told(*actions: str, importing: dict[str, str] | None = None, **more: Any) -> tuple[str, str]:
        change = {"before": {"a": 1}, "after": {"a": 2}} | ({} if importing is None else {"importing": importing})
        (found,) = resource.of_plan({"resource_changes": [planned(list(actions), "aws_x.new", **change) | more]})
        return found.action, found.because

    moved = {"previous_address": "aws_x.old"}
    assert told("no-op", **moved) == ("move", "was aws_x.old")
    assert told("update", **moved) == ("update", "was aws_x.old")
    forced = moved | {"action_reason": "replace_by_request"}
    assert told("delete", "create", **forced) == ("replace", "asked for; was aws_x.old")
    assert told("no-op", importing={"id": "x-1"}) == ("import", "there already: x-1")
    assert told("update", importing={}) == ("update", f"there already: {resource.UNKNOWN}")
    assert told("forget", action_reason="delete_because_no_resource_config") == ("forget", resource.FORGOTTEN)
    assert resource.of_plan({"resource_changes": [planned(["no-op"], "aws_x.same")]}) == ()
    events = [("move", "aws_x.a"), ("import", "aws_x.b"), ("remove", "aws_x.c"), ("no-op", "aws_x.d")]
    assert [str(one) for one in resource.of_events(events)] == ["move aws_x.a", "import aws_x.b", "forget aws_x.c"]


def test_a_comment_tells_what_only_the_state_hears_of_where_there_is_any() -> None:
    moved = ResourceChange(action="move", address="aws_x.new", type="aws_x", because="was aws_x.old")
    text = comment(result(moved, most=0))
    assert "**0 to create, 0 to update, 0 to replace, 0 to destroy, 1 to move** in 1 of 3 stacks." in text
    assert "| stack | create | update | replace | destroy | move | reads what changes |" in text
    assert "! move aws_x.new  # was aws_x.old" in text
    assert "→1 move" in svg(result(moved))
    assert "move" not in comment(result(TAGGED))


def test_drift_is_what_a_plan_would_put_back_and_no_noise() -> None:
    def at(address: str, actions: list[str], before: object, after: object) -> dict[str, Any]:
        return planned(actions, address, before=before, after=after)

    drifted = [
        at("aws_x.changed", ["update"], {"days": 1, "tags": None}, {"days": 9, "tags": {}}),
        at("aws_x.noise", ["update"], {"tags": None}, {"tags": {}}),
        at("aws_x.newer_code", ["update"], {"tags": None}, {"tags": {}}),
        at("aws_x.removed", ["delete"], {"days": 1}, None),
        at("aws_x.let_go", ["update"], {"days": 1}, {"days": 9}),
    ]
    wanted = [
        at("aws_x.changed", ["update"], {"days": 9, "tags": {}}, {"days": 1, "tags": {}}),
        at("aws_x.noise", ["no-op"], {"tags": {}}, {"tags": {}}),
        at("aws_x.newer_code", ["update"], {"days": 1, "tags": {}}, {"days": 2, "tags": {}}),
        at("aws_x.removed", ["create"], None, {"days": 1}),
        at("aws_x.let_go", ["forget"], {"days": 9}, None),
    ]
    found = resource.of_drift({"resource_drift": drifted, "resource_changes": wanted})
    assert [(str(one), one.attributes) for one in found] == [
        ("update aws_x.changed", ("days: 1 → 9",)),
        ("destroy aws_x.removed", ()),
    ]


def test_what_is_known_is_handed_on_as_it_is_and_the_rest_as_unknown() -> None:
    outputs = {
        "name": {"actions": ["update"], "after": "a ${b} %{c}", "after_unknown": False},
        "arn": {"actions": ["create"], "after": None, "after_unknown": True},
        "both": {"actions": ["create"], "after": ["x", None], "after_unknown": [False, True]},
        "gone": {"actions": ["delete"], "after": None, "after_unknown": False},
    }
    assert handed.of_plan({"output_changes": outputs}) == {
        "name": "a $${b} %%{c}",
        "arn": handed.UNKNOWN,
        "both": ["x", handed.UNKNOWN],
    }


def test_only_the_reader_of_what_changes_is_rewritten(tmp_path: Path) -> None:
    def config(key: str) -> dict[str, str]:
        return {"bucket": "b", "key": key, "region": "r"}

    def stack(name: str, **more: object) -> Stack:
        folder = tmp_path / name
        folder.mkdir()
        written = {"terraform": {"backend": {"s3": config(f"{name}.tfstate")}}, **more}
        (folder / "cdk.tf.json").write_text(json.dumps(written))
        return Stack(name, folder, frozenset())

    read = "${data.terraform_remote_state.%s.outputs.id}"
    readers = {name: {"backend": "s3", "config": config(f"{name}.tfstate")} for name in ("one", "two")}
    reader = stack(
        "reader",
        data={"terraform_remote_state": readers},
        resource={"x": {"a": {"policy": json.dumps({"on": read % "one"}), "other": read % "two"}}},
    )
    stacks = {found.id: found for found in (stack("one"), stack("two"), reader)}
    found = handed.with_inputs(reader, {"one": {"id": "i-1"}}, stacks, tmp_path / "plans").document
    assert found["resource"]["x"]["a"] == {"policy": '{"on": "${local.one.id}"}', "other": read % "two"}
    assert (found["locals"], list(found["data"]["terraform_remote_state"])) == ({"one": {"id": "i-1"}}, ["two"])
    assert S3Backend(**config("reader.tfstate")) == reader.backend


def stack_plan(*changes: ResourceChange, after: tuple[str, ...] = (), awaits: tuple[str, ...] = ()) -> StackPlan:
    counts = {action: sum(change.action == action for change in changes) for action in resource.ACTIONS}
    return StackPlan(**counts, after=after, awaits=awaits, resources=9, changes=changes)


def result(*data: ResourceChange, most: int = 2) -> PlanResult:
    create = [ResourceChange(action="create", address=f"aws_subnet.zone_{i}", type="aws_subnet") for i in range(most)]
    stacks = {
        "dev-us-east-1-data": stack_plan(*data),
        "dev-us-east-1-network": stack_plan(*create, after=("dev-us-east-1-data",), awaits=("dev-us-east-1-data",)),
        "dev-overview": stack_plan(),
    }
    total = Changes(**{a: sum(s.counts[a] for s in stacks.values()) for a in resource.ACTIONS})
    return PlanResult(environment="dev", stacks=stacks, summary=total, undeclared=(OLD,))


OLD = UndeclaredStack(stack="dev-eu-west-1-pools", region="eu-west-1", state="dev/eu-west-1/pools.tfstate", resources=7)
LOST = ResourceChange(action="replace", address="aws_s3_bucket.data", type="aws_s3_bucket", because="bucket cannot …")
TAGGED = ResourceChange(action="update", address="aws_x.y", type="aws_x", attributes=("tags.owner: 'a|b' → '```'",))


def test_the_comment_tells_losses_first_then_counts_then_all() -> None:
    text = comment(result(LOST, TAGGED))
    red = text.index("> [!CAUTION]\n> **What these hold is lost")
    assert red < text.index("> - `dev-eu-west-1-pools`: 7 resources") < text.index("| `dev-us-east-1-data` |")
    assert red < text.index("| `dev-us-east-1-data` | 0 | 1 | 1 | 0 |") < text.index("- replace aws_s3_bucket.data")
    assert "**2 to create, 1 to update, 1 to replace, 0 to destroy** in 2 of 3 stacks." in text
    assert "| us-east-1-data |" in text
    assert "````diff" in text, "a value with a fence in it does not end the block"
    assert "is lost" not in comment(result(TAGGED))
    assert "|" not in comment(result(most=0))


def test_a_comment_is_never_longer_than_github_takes_and_losses_stay() -> None:
    for most in (10, 400, 3_000, 30_000):
        text = comment(result(LOST, *[TAGGED] * 600, most=most))
        assert len(text) < LIMIT
        assert "replace** `aws_s3_bucket.data`" in text
        assert (most <= 400) == ("left out for their length" not in text)


def test_the_picture_is_well_formed_and_red_where_something_goes() -> None:
    picture = svg(result(LOST))
    ElementTree.fromstring(picture)
    assert picture.count("#b3372a") == 1
    assert "±1 replace" in picture
    drawn = mermaid(result(LOST))
    assert "±1 replace" in drawn
    assert drawn.count(f"stroke:{RED}") == 1


def test_environments_differ_in_named_places_whatever_their_order(tmp_path: Path) -> None:
    dev, prod = environments.load("dev"), environments.load("prod")
    (tmp_path / "cdk.tf.json").write_text(json.dumps({"resource": {"aws_vpc": {"main": {}}}}))
    found = difference(dev, prod, (Stack("dev-network", tmp_path, frozenset()),), ())
    assert found.fields["regions.us-east-1.gpu_pools.small.max_nodes"] == ("4", "8")
    assert found.fields["regions.eu-west-1"] == ("–", "there")
    assert (found.stacks, found.only) == ({"network": {"aws_vpc": (1, 0)}}, ("network",))
    assert difference(dev, dev, (), ()).fields == {}
