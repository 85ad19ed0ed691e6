"""From a device's message to the lake: a topic rule, a stream that writes files, and a place for what gets lost."""

from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.cloudwatch_log_stream import CloudwatchLogStream
from cdktf_cdktf_provider_aws.iot_topic_rule import (
    IotTopicRule,
    IotTopicRuleFirehose,
)
from cdktf_cdktf_provider_aws.kinesis_firehose_delivery_stream import (
    KinesisFirehoseDeliveryStream,
    KinesisFirehoseDeliveryStreamExtendedS3Configuration,
    KinesisFirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptions,
    KinesisFirehoseDeliveryStreamServerSideEncryption,
)

from infra.edge_names import THING, EdgeNames
from infra.edge_rules import SQL_VERSION, Lake, lost_message, rule_role
from infra.kept_logs import explain_short_log
from infra.role import Role, Statement
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct

_WRITE_LAKE = ("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", "s3:PutObject")


class EdgeTelemetry(Construct):
    """Telemetry of one fleet as gzipped JSON lines below `raw/edge/…/date=…`; what gets lost lies below `failed/…`."""

    def __init__(self, scope: Construct, id: str, *, spec: EdgeFleetSpec, edge: EdgeNames, lake: Lake) -> None:
        super().__init__(scope, id)
        self._spec, self._edge, self._lake = spec, edge, lake
        self._tags: Mapping[str, str] = {"model": spec.model}
        self._rule(self._stream())

    def _rule(self, stream: KinesisFirehoseDeliveryStream) -> None:
        write = Statement(("firehose:PutRecord", "firehose:PutRecordBatch"), (stream.arn,))
        role = rule_role(self, self._edge, "rule", self._lake, write)
        # The device's name comes from the topic, which its policy pins to itself, and not from what it writes.
        parts = self._edge.telemetry_topic.split("/")
        fields = f"*, topic({parts.index(THING) + 1}) AS thing, timestamp() AS received_at_ms"
        everyone = self._edge.telemetry_topic.replace(THING, "+")
        IotTopicRule(
            self,
            "topic_rule",
            name=self._edge.rule("telemetry"),
            description=f"Telemetry of {self._spec.name} to the lake",
            enabled=True,
            sql=f"SELECT {fields} FROM '{everyone}'",  # noqa: S608  # no database, and all of it is ours
            sql_version=SQL_VERSION,
            firehose=[IotTopicRuleFirehose(delivery_stream_name=stream.name, role_arn=role.arn, separator="\n")],
            error_action=lost_message(self._edge, "rule", self._lake, role),
            tags=dict(self._tags),
        )

    def _stream(self) -> KinesisFirehoseDeliveryStream:
        bucket_arn, key_arn = self._lake.bucket_arn, self._lake.key_arn
        prefix, telemetry = self._edge.telemetry_prefix, self._spec.telemetry
        lost = self._edge.lost_prefix("delivery")
        logs = self._delivery_log()
        log = CloudwatchLogStream(self, "log_stream", name=f"{self._edge.prefix}delivery", log_group_name=logs.name)
        role = Role(
            self,
            "stream",
            name=self._edge.role("telemetry"),
            service="firehose.amazonaws.com",
            for_account=self._edge.names.account_id,
            statements=(
                Statement(_WRITE_LAKE, (bucket_arn, f"{bucket_arn}/{prefix}/*", f"{bucket_arn}/{lost}/*")),
                Statement(("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
                Statement(("logs:PutLogEvents",), (f"{logs.arn}:*",)),
            ),
        )
        lake = KinesisFirehoseDeliveryStreamExtendedS3Configuration(
            bucket_arn=bucket_arn,
            role_arn=role.arn,
            kms_key_arn=key_arn,
            compression_format="GZIP",
            buffering_interval=telemetry.buffer_seconds,
            buffering_size=telemetry.buffer_mb,
            # Folders by date, which Athena and Spark read as partitions. Firehose fills them in, in UTC.
            prefix=f"{prefix}/date=!{{timestamp:yyyy-MM-dd}}/",
            error_output_prefix=f"{lost}/date=!{{timestamp:yyyy-MM-dd}}/!{{firehose:error-output-type}}/",
            cloudwatch_logging_options=KinesisFirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptions(
                enabled=True, log_group_name=logs.name, log_stream_name=log.name
            ),
        )
        return KinesisFirehoseDeliveryStream(
            self,
            "delivery_stream",
            name=self._edge.telemetry_stream,
            destination="extended_s3",
            extended_s3_configuration=lake,
            server_side_encryption=KinesisFirehoseDeliveryStreamServerSideEncryption(
                enabled=True, key_type="CUSTOMER_MANAGED_CMK", key_arn=key_arn
            ),
            tags=dict(self._tags),
        )

    def _delivery_log(self) -> CloudwatchLogGroup:
        group = CloudwatchLogGroup(
            self,
            "delivery",
            name=f"/aws/kinesisfirehose/{self._edge.telemetry_stream}",
            retention_in_days=self._spec.keep_logs_days,
            kms_key_id=self._lake.key_arn,
            tags=dict(self._tags),
        )
        why = "why a file was not delivered is asked within days; what was told lies in the lake"
        explain_short_log(group, self._spec.keep_logs_days, why)
        return group
