"""The embedded cloud: AWS on a laptop, in one process on 127.0.0.1.

    record = start("demo", Path(".groundplan"), program=Path("."))
    boto3.client("s3", endpoint_url=record.url)
    stop("demo", Path(".groundplan"))

Importing this package is cheap; moto is loaded in the cloud's own process only.
"""

from infra.localcloud.account import ACCOUNT_ID
from infra.localcloud.lifecycle import find, running, start, stop
from infra.localcloud.record import CloudError, CloudRecord

__all__ = ["ACCOUNT_ID", "CloudError", "CloudRecord", "find", "running", "start", "stop"]
