"""News of a region's machines and jobs: reclaims, warnings of them, and every change of a job's state."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import (
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
)
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.cloudwatch_log_resource_policy import CloudwatchLogResourcePolicy
from cdktf_cdktf_provider_aws.sqs_queue import SqsQueue

from infra.naming import Names
from infra.role import Statement, policy
from infra.toolkit import Construct

_DAYS = 86400
# A reader who fails five times on a message will fail again.
_MOST_READS = 5
# A machine is gone two minutes after its warning: what is older is news of nobody, and only hides the news of others.
_NOTICE_SECONDS = 300
_LOG_DAYS = 365
SPOT_NEWS = ("EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation")


class JobEvents(Construct):
    """An encrypted queue for whoever starts and resumes jobs, and a log of the same events for people.

    Jobs that run hear of reclaims on a queue of their own. All of them look through it, and each takes out what is said
    to its machine and hands back the rest, so that a message is received far more often than somebody fails on it: a
    count of reads would throw it away before its machine has looked. These messages end by age alone. EventBridge knows
    no pools and SNS no machines that come and go, so that a queue for each reader would have to be made by each job.
    """

    def __init__(self, scope: Construct, id: str, *, names: Names, key_arn: str) -> None:
        super().__init__(scope, id)
        self._names, self._key_arn = names, key_arn
        rules = {id: self._rule(id, pattern) for id, pattern in _patterns(names).items()}
        self._may_send = [rule.arn for rule in rules.values()]
        refused = self._queue("dead_letters", names.dead_job_events(), 14 * _DAYS)
        queue = self._queue("sqs_queue", names.job_events(), 4 * _DAYS, refused)
        notices = self._queue("notices", names.reclaim_notices(), _NOTICE_SECONDS)
        group = CloudwatchLogGroup(
            self, "log_group", name=names.event_logs(), retention_in_days=_LOG_DAYS, kms_key_id=key_arn
        )
        CloudwatchLogResourcePolicy(
            self, "log_policy", policy_name=names.regional("job-events"), policy_document=_may_log(names, group.arn)
        )
        dead = CloudwatchEventTargetDeadLetterConfig(arn=refused.arn)
        told = {"queue": queue.arn, "log": group.arn}
        for id, targets in {"spot": {**told, "notices": notices.arn}, "jobs": told}.items():
            for target, arn in targets.items():
                CloudwatchEventTarget(
                    self, f"{id}_{target}", rule=rules[id].name, target_id=target, arn=arn, dead_letter_config=dead
                )
        self.notice_queue_url: str = notices.url
        self.notice_queue_arn: str = notices.arn

    def _queue(self, id: str, name: str, seconds: int, refused: SqsQueue | None = None) -> SqsQueue:
        redrive = {"deadLetterTargetArn": refused.arn, "maxReceiveCount": _MOST_READS} if refused else None
        return SqsQueue(
            self,
            id,
            name=name,
            kms_master_key_id=self._key_arn,
            message_retention_seconds=seconds,
            redrive_policy=json.dumps(redrive, separators=(",", ":")) if redrive else None,
            # In the queue itself: a policy beside it makes Terraform wait for as long again.
            policy=_queue_policy(f"arn:aws:sqs:{self._names.region}:{self._names.account_id}:{name}", self._may_send),
        )

    def _rule(self, id: str, pattern: Mapping[str, Any]) -> CloudwatchEventRule:
        return CloudwatchEventRule(
            self,
            id,
            name=self._names.regional(f"{id}-events"),
            description=f"News of {id} to those who start jobs",
            event_pattern=json.dumps(pattern),
        )


def _patterns(names: Names) -> dict[str, dict[str, Any]]:
    queues = f"arn:aws:batch:{names.region}:{names.account_id}:job-queue/{names.regional('pool-')}"
    return {
        # EC2 tells neither tags nor pools: one hears of all spot machines of the account.
        "spot": {"source": ["aws.ec2"], "detail-type": list(SPOT_NEWS)},
        "jobs": {
            "source": ["aws.batch"],
            "detail-type": ["Batch Job State Change"],
            "detail": {"jobQueue": [{"prefix": queues}]},
        },
    }


def _queue_policy(queue_arn: str, rule_arns: Sequence[str]) -> str:
    return policy(
        Statement(
            ("sqs:SendMessage",),
            (queue_arn,),
            principal={"Service": "events.amazonaws.com"},
            condition={"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
        ),
        Statement(
            ("sqs:*",),
            (queue_arn,),
            effect="Deny",
            principal="*",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


def _may_log(names: Names, group_arn: str) -> str:
    return policy(
        Statement(
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            (f"{group_arn}:*",),
            principal={"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            condition={"StringEquals": {"aws:SourceAccount": names.account_id}},
        )
    )
