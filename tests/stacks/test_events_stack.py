"""News of machines and jobs reach an encrypted queue that only EventBridge fills, and a log."""

import json
from typing import Any

import pytest

import environments

Stacks = dict[str, dict[str, Any]]
ACCOUNT = environments.load("prod").account_id


@pytest.fixture
def events(stacks: Stacks) -> dict[str, Any]:
    resources: dict[str, Any] = stacks["prod-us-east-1-events"]["resource"]
    return resources


def test_queues_are_encrypted_and_what_cannot_be_read_is_kept(events: dict[str, Any]) -> None:
    queues = events["aws_sqs_queue"]
    assert {queue["kms_master_key_id"] for queue in queues.values()} == {"${aws_kms_key.main.arn}"}
    redrive = json.loads(queues["jobs"]["redrive_policy"])
    assert redrive == {"deadLetterTargetArn": "${aws_sqs_queue.jobs_dead_letters.arn}", "maxReceiveCount": 5}
    assert "redrive_policy" not in queues["jobs_notices"], "who hands a message back has not failed on it"
    assert queues["jobs_notices"]["message_retention_seconds"] == 300
    assert queues["jobs_dead_letters"]["message_retention_seconds"] > queues["jobs"]["message_retention_seconds"]


def test_only_these_rules_may_send_and_only_over_tls(events: dict[str, Any]) -> None:
    rules = {f"${{aws_cloudwatch_event_rule.{name}.arn}}" for name in events["aws_cloudwatch_event_rule"]}
    for queue in events["aws_sqs_queue"].values():
        allow, deny = json.loads(queue["policy"])["Statement"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert set(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert allow["Resource"] == deny["Resource"] == [f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue['name']}"]


def test_rules_hear_of_spot_machines_and_of_every_pool(events: dict[str, Any], stacks: Stacks) -> None:
    patterns = [json.loads(rule["event_pattern"]) for rule in events["aws_cloudwatch_event_rule"].values()]
    spot = next(pattern for pattern in patterns if pattern["source"] == ["aws.ec2"])
    assert spot["detail-type"] == ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"]
    jobs = next(pattern for pattern in patterns if pattern["source"] == ["aws.batch"])
    ((prefix,),) = [list(one.values()) for one in jobs["detail"]["jobQueue"]]
    queues = stacks["prod-us-east-1-pools"]["resource"]["aws_batch_job_queue"]
    arns = [f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/{queue['name']}" for queue in queues.values()]
    assert len(arns) == 5
    assert all(arn.startswith(prefix) for arn in arns)


def test_every_rule_has_both_targets_and_keeps_what_it_cannot_hand_over(events: dict[str, Any]) -> None:
    targets = events["aws_cloudwatch_event_target"].values()
    assert sorted((target["rule"].split(".")[1], target["target_id"]) for target in targets) == [
        ("jobs_jobs", "log"),
        ("jobs_jobs", "queue"),
        ("jobs_spot", "log"),
        ("jobs_spot", "notices"),
        ("jobs_spot", "queue"),
    ]
    letters = {"arn": "${aws_sqs_queue.jobs_dead_letters.arn}"}
    assert all(target["dead_letter_config"] == letters for target in targets)
