"""What the topic rules of a fleet share: the dialect, their rights, and where goes what no action could take."""

from dataclasses import dataclass

from cdktf_cdktf_provider_aws.iot_topic_rule import IotTopicRuleErrorAction, IotTopicRuleErrorActionS3

from infra.edge_names import EdgeNames
from infra.role import Role, Statement
from infra.toolkit import Construct

SQL_VERSION = "2016-03-23"


@dataclass(frozen=True)
class Lake:
    """The bucket that keeps what devices say, and the key that it is encrypted with."""

    bucket: str
    bucket_arn: str
    key_arn: str


def rule_role(scope: Construct, edge: EdgeNames, purpose: str, lake: Lake, *own: Statement) -> Role:
    """Return the role of rules: `own` is what their actions need; whatever these cannot take goes into the lake."""
    return Role(
        scope,
        "rule",
        name=edge.role(purpose),
        service="iot.amazonaws.com",
        for_account=edge.names.account_id,
        statements=(
            *own,
            Statement(("s3:PutObject",), (f"{lake.bucket_arn}/{edge.lost_prefix(purpose)}/*",)),
            Statement(("kms:GenerateDataKey",), (lake.key_arn,)),
        ),
    )


def lost_message(edge: EdgeNames, purpose: str, lake: Lake, role: Role) -> IotTopicRuleErrorAction:
    """Return an error action: the message with the reasons into the lake, in folders by `purpose`, to be sent again."""
    # Two dollars: AWS IoT gets one and fills it in.
    key = f"{edge.lost_prefix(purpose)}/$${{timestamp()}}-$${{newuuid()}}.json"
    return IotTopicRuleErrorAction(s3=IotTopicRuleErrorActionS3(bucket_name=lake.bucket, key=key, role_arn=role.arn))
