"""The topic of one severity, and who hears it."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription

from infra.naming import Names
from infra.role import Statement, policy
from infra.spec.alerts import Severity, protocol
from infra.toolkit import Construct


class AlertTopic(Construct):
    """An encrypted topic to which alarms and events of this account publish. Mail addresses confirm once, by mail."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        severity: Severity,
        names: Names,
        key_arn: str,
        receivers: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        topic = SnsTopic(self, "topic", name=names.regional(f"alerts-{severity}"), kms_master_key_id=key_arn)
        self.arn: str = topic.arn
        publish = ("sns:Publish",)
        own = {"StringEquals": {"aws:SourceAccount": names.account_id}}
        SnsTopicPolicy(
            self,
            "policy",
            arn=self.arn,
            policy=policy(
                Statement(publish, (self.arn,), principal={"Service": "cloudwatch.amazonaws.com"}, condition=own),
                # EventBridge takes no conditions in a topic's policy.
                Statement(publish, (self.arn,), principal={"Service": "events.amazonaws.com"}),
            ),
        )
        for index, receiver in enumerate(receivers):
            kind = protocol(receiver)
            SnsTopicSubscription(
                self,
                f"receiver_{index}",
                topic_arn=self.arn,
                protocol=kind,
                endpoint=receiver,
                # Whoever offers an address for alerts by https answers SNS's question by itself.
                endpoint_auto_confirms=True if kind == "https" else None,
            )
