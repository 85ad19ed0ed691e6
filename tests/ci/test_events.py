"""`groundplan events` reads the log of news and says each in one line."""

import json
import time
from typing import Any

import pytest

from ci.errors import NotDeployedError
from ci.events import Event, events
from tests.ci.conftest import Tiny

GROUP = "/aws/events/groundplan-local-jobs"
TOLD: list[dict[str, Any]] = [
    {
        "source": "aws.batch",
        "detail-type": "Batch Job State Change",
        "time": "2026-11-22T10:00:05Z",
        "detail": {"jobName": "train", "jobId": "1", "status": "FAILED", "statusReason": "Host EC2 terminated."},
    },
    {
        "source": "aws.ec2",
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "time": "2026-11-22T10:00:01Z",
        "detail": {"instance-id": "i-1", "instance-action": "terminate"},
    },
]


def test_news_come_in_order_and_before_a_deploy_there_are_none(tiny: Tiny) -> None:
    site = tiny.site()
    with pytest.raises(NotDeployedError, match="deploy first"):
        events(site)
    logs: Any = site.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="events")
    moment = int(time.time() * 1000)
    entries = [{"timestamp": moment, "message": json.dumps(one)} for one in TOLD]
    logs.put_log_events(logGroupName=GROUP, logStreamName="events", logEvents=entries)
    found = events(site, hours=1).events
    logs.delete_log_group(logGroupName=GROUP)
    assert found == (
        Event(
            time="2026-11-22T10:00:01Z",
            region="us-east-1",
            what="EC2 Spot Instance Interruption Warning",
            subject="i-1",
            state="terminate",
        ),
        Event(
            time="2026-11-22T10:00:05Z",
            region="us-east-1",
            what="Batch Job State Change",
            subject="train 1",
            state="FAILED: Host EC2 terminated.",
        ),
    )
