"""How many jobs of each pool wait for a machine, and for how long the first of them has. Batch does not publish it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

# Written into the archive beside the package when the stacks are built.
SETTINGS = Path(__file__).parents[1] / "settings.json"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Measure every pool once, and tell CloudWatch."""
    settings = json.loads(SETTINGS.read_text())
    batch: Any = boto3.client("batch")
    cloudwatch: Any = boto3.client("cloudwatch")
    waiting = {pool: waits(batch, queues, datetime.now(UTC)) for pool, queues in settings["pools"].items()}
    data = [datum for pool, seconds in waiting.items() for datum in figures(pool, seconds)]
    cloudwatch.put_metric_data(Namespace=settings["namespace"], MetricData=data)
    told = {pool: len(seconds) for pool, seconds in waiting.items()}
    print(json.dumps({"event": "measured", "waiting": told}), flush=True)
    return told


def waits(batch: Any, queues: list[str], now: datetime) -> list[float]:
    """Return for how many seconds each job has existed that could run and has no machine."""
    pages = [
        page
        for queue in queues
        for page in batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus="RUNNABLE")
    ]
    made = [job["createdAt"] / 1000 for page in pages for job in page["jobSummaryList"]]
    return [max(0.0, now.timestamp() - moment) for moment in made]


def figures(pool: str, seconds: list[float]) -> list[dict[str, Any]]:
    """Return what is told of one pool; an empty queue is told too, or its line would end at the last job."""
    dimensions = [{"Name": "Pool", "Value": pool}]
    return [
        {"MetricName": "JobsWaiting", "Dimensions": dimensions, "Unit": "Count", "Value": float(len(seconds))},
        {
            "MetricName": "OldestWaitSeconds",
            "Dimensions": dimensions,
            "Unit": "Seconds",
            "Value": max(seconds, default=0.0),
        },
    ]
