"""A log that is kept for less than a year says why, and one that is kept for longer says nothing (CKV_AWS_338)."""

from collections.abc import Mapping
from typing import Any


def test_a_short_log_has_its_reason_and_no_other_has_one(all_stacks: Mapping[str, Mapping[str, Any]]) -> None:
    groups = {
        f"{stack} {name}": group
        for stack, document in all_stacks.items()
        for name, group in document["resource"].get("aws_cloudwatch_log_group", {}).items()
    }
    short = {where for where, group in groups.items() if 0 < group["retention_in_days"] < 365}
    explained = {
        where for where, group in groups.items() if "CKV_AWS_338" in group.get("//", {}).get("skipped_checks", {})
    }
    assert {where.split()[0] for where in short} >= {"dev-us-east-1-network", "dev-us-east-1-edge"}
    assert explained == short
