"""Firehose to S3 with folders by date and compression, neither of which moto does. Nothing is buffered: what is put
lies in S3 when the answer comes, each call in an object of its own.
"""

import gzip
import re
import uuid
from datetime import UTC, datetime

from infra.localcloud.operations import Context, Payload, operation

EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
DATE = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
BY_HOUR = "!{timestamp:yyyy/MM/dd/HH}/"
"""What AWS puts after a prefix that says nothing of time."""


@operation("firehose", "PutRecord")
def put_record(params: Payload, context: Context) -> Payload:
    """One record."""
    answer = put_batch({**params, "Records": [params["Record"]]}, context)
    return context.forward(None) if answer is None else {"RecordId": str(uuid.uuid4()), "Encrypted": True}


@operation("firehose", "PutRecordBatch")
def put_record_batch(params: Payload, context: Context) -> Payload:
    """Several records, which AWS joins as they are: their senders end each with a new line, or not."""
    answer = put_batch(params, context)
    return context.forward(None) if answer is None else answer


def put_batch(params: Payload, context: Context) -> Payload | None:
    """Write records to a stream's bucket; None for streams that lead elsewhere."""
    name = params["DeliveryStreamName"]
    client = context.cloud.client("firehose", context.region)
    stream = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    lake = stream["Destinations"][0].get("ExtendedS3DestinationDescription")
    if lake is None:
        return None
    body = b"".join(record["Data"] for record in params["Records"])
    now = datetime.now(UTC)
    key = f"{expanded(lake.get('Prefix', ''), now)}{name}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
    if lake.get("CompressionFormat") == "GZIP":
        key, body = f"{key}.gz", gzip.compress(body)
    bucket = lake["BucketARN"].rsplit(":", 1)[-1]
    context.cloud.client("s3", context.region).put_object(Bucket=bucket, Key=key, Body=body)
    count_delivery(name, len(params["Records"]), context)
    responses = [{"RecordId": str(uuid.uuid4())} for _ in params["Records"]]
    return {"FailedPutCount": 0, "Encrypted": True, "RequestResponses": responses}


def count_delivery(stream: str, records: int, context: Context) -> None:
    """Tell CloudWatch of an object that was written: nothing has waited for it."""
    figures = {"Success": (1.0, "Count"), "Records": (float(records), "Count"), "DataFreshness": (0.0, "Seconds")}
    dimensions = [{"Name": "DeliveryStreamName", "Value": stream}]
    data = [
        {"MetricName": f"DeliveryToS3.{name}", "Dimensions": dimensions, "Value": value, "Unit": unit}
        for name, (value, unit) in figures.items()
    ]
    context.cloud.client("cloudwatch", context.region).put_metric_data(Namespace="AWS/Firehose", MetricData=data)


def expanded(prefix: str, now: datetime) -> str:
    """A prefix with its expressions filled in: `!{timestamp:…}` in UTC and `!{firehose:random-string}`."""
    if not EXPRESSION.search(prefix):
        prefix += BY_HOUR

    def value(found: re.Match[str]) -> str:
        space, text = found.groups()
        if space == "timestamp":
            for java, python in DATE.items():
                text = text.replace(java, python)
            return now.strftime(text)
        return uuid.uuid4().hex[:11]

    return EXPRESSION.sub(value, prefix)
