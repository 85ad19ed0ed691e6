"""What the topic rules of a fleet share: the dialect, and where a message goes that no action could take."""

from cdktf_cdktf_provider_aws.iot_topic_rule import IotTopicRuleErrorAction, IotTopicRuleErrorActionS3

from infra.edge_names import EdgeNames

SQL_VERSION = "2016-03-23"


def lost_message(edge: EdgeNames, purpose: str, bucket: str, role_arn: str) -> IotTopicRuleErrorAction:
    """Return an error action: the message with the reasons into the lake, in folders by `purpose`, to be sent again."""
    # Two dollars: AWS IoT gets one and fills it in.
    key = f"{edge.lost_prefix(purpose)}/$${{timestamp()}}-$${{newuuid()}}.json"
    return IotTopicRuleErrorAction(s3=IotTopicRuleErrorActionS3(bucket_name=bucket, key=key, role_arn=role_arn))
