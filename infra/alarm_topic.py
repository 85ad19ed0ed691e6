"""The topic on which alarms speak, and who hears them."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription

from infra.naming import Names
from infra.role import Statement, policy
from infra.toolkit import Construct


class AlarmTopic(Construct):
    """An encrypted topic to which alarms and events of this account publish; every address confirms once, by mail."""

    def __init__(self, scope: Construct, id: str, *, names: Names, key_arn: str, emails: Sequence[str]) -> None:
        super().__init__(scope, id)
        topic = SnsTopic(self, "topic", name=names.regional("alarms"), kms_master_key_id=key_arn)
        publish = ("sns:Publish",)
        own = {"StringEquals": {"aws:SourceAccount": names.account_id}}
        SnsTopicPolicy(
            self,
            "policy",
            arn=topic.arn,
            policy=policy(
                Statement(publish, (topic.arn,), principal={"Service": "cloudwatch.amazonaws.com"}, condition=own),
                # EventBridge takes no conditions in a topic's policy.
                Statement(publish, (topic.arn,), principal={"Service": "events.amazonaws.com"}),
            ),
        )
        for index, email in enumerate(emails):
            SnsTopicSubscription(self, f"email_{index}", topic_arn=topic.arn, protocol="email", endpoint=email)
        self.arn: str = topic.arn
