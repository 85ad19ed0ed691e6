"""Roles may do what they must, on what is theirs."""

import json
from collections.abc import Iterator
from typing import Any

Stacks = dict[str, dict[str, Any]]


def statements(stacks: Stacks, kind: str, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, content in stacks.items():
        for name, arguments in content["resource"].get(kind, {}).items():
            for statement in json.loads(arguments[field])["Statement"]:
                yield f"{stack} {name}", statement


def test_only_jobs_write_and_only_artifacts(stacks: Stacks) -> None:
    writes = [
        (where.split("-")[-1], resource)
        for where, statement in statements(stacks, "aws_iam_role_policy", "policy")
        for resource in statement["Resource"]
        if "s3:PutObject" in statement["Action"]
    ]
    assert {where for where, _ in writes} == {"training jobs_execution"}
    assert all("aws_s3_bucket_artifacts" in resource for _, resource in writes)


def test_services_take_a_role_for_this_account_only(stacks: Stacks) -> None:
    for where, statement in statements(stacks, "aws_iam_role", "assume_role_policy"):
        service = statement["Principal"]["Service"]
        # EC2 hands a role to its own machine and names no account.
        assert ("Condition" in statement) == (service != "ec2.amazonaws.com"), where


def test_every_bucket_refuses_plain_http(stacks: Stacks) -> None:
    found = list(statements(stacks, "aws_s3_bucket_policy", "policy"))
    assert found
    for where, statement in found:
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", ["s3:*"]), where
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
