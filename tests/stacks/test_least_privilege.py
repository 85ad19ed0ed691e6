"""Roles may do what they must, on what is theirs."""

import json
import re
from collections.abc import Iterator
from typing import Any

Stacks = dict[str, dict[str, Any]]


def statements(stacks: Stacks, kind: str, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, content in stacks.items():
        for name, arguments in content["resource"].get(kind, {}).items():
            for statement in json.loads(arguments[field])["Statement"]:
                yield f"{stack} {name}", statement


def test_jobs_write_artifacts_and_endpoints_what_they_were_asked_and_answered(stacks: Stacks) -> None:
    writes = {
        (where.split("-")[-1], re.sub(r"\d{12}", "*", resource.split("aws_s3_bucket_")[1]))
        for where, statement in statements(stacks, "aws_iam_role_policy", "policy")
        for resource in statement.get("Resource", ())
        if "s3:PutObject" in statement["Action"] and "-access " not in where
    }
    assert writes == {
        ("audit watch_recorder", "audit_bucket}/AWSLogs/*/Config/*"),
        ("training jobs_execution", "artifacts_arn}/*"),
        ("training pool_jobs_execution", "artifacts_arn}/*"),
        ("clusters shared_head_machine_machine", "artifacts_arn}/clusters/shared/*"),
        ("clusters shared_worker_machine_machine", "artifacts_arn}/clusters/shared/*"),
        ("serving endpoints_execution", "data_arn}/captured/*"),
        ("serving endpoints_execution", "data_arn}/async/*"),
        ("edge fleet_kiosks_telemetry_stream", "data_arn}"),
        ("edge fleet_kiosks_telemetry_stream", "data_arn}/raw/edge/kiosks/*"),
        ("edge fleet_kiosks_telemetry_stream", "data_arn}/failed/raw/edge/kiosks/delivery/*"),
        ("edge fleet_kiosks_telemetry_rule", "data_arn}/failed/raw/edge/kiosks/rule/*"),
        ("edge fleet_kiosks_count_rule", "data_arn}/failed/raw/edge/kiosks/failures/*"),
        ("edge fleet_kiosks_events_rule", "data_arn}/failed/raw/edge/kiosks/events/*"),
    }


def test_services_take_a_role_for_this_account_only(stacks: Stacks) -> None:
    for where, statement in statements(stacks, "aws_iam_role", "assume_role_policy"):
        # People's roles are in test_access.py.
        service = statement["Principal"].get("Service", "")
        # EC2 hands a role to its own machine and names no account; API Gateway documents none.
        assert ("Condition" in statement) == (service not in {"apigateway.amazonaws.com", "ec2.amazonaws.com"}), where


def test_every_bucket_refuses_plain_http(stacks: Stacks) -> None:
    found = list(statements(stacks, "aws_s3_bucket_policy", "policy"))
    assert found
    only_tls = ("Deny", "*", ["s3:*"], {"Bool": {"aws:SecureTransport": "false"}})
    for where in {where for where, _ in found}:
        rules = [statement for place, statement in found if place == where]
        assert only_tls in [tuple(one[key] for key in ("Effect", "Principal", "Action", "Condition")) for one in rules]
        assert all(one["Condition"] for one in rules), where
