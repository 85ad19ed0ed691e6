"""What is told of an environment's machines and jobs: reclaims, warnings of them, every change of a Batch job."""

import json
import time
from typing import TYPE_CHECKING, Any

from ci.errors import NotDeployedError
from ci.result import Result
from ci.site import Site
from infra.naming import Names
from infra.spec import RegionSpec

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


class Event(Result):
    """One piece of news: of a machine by its instance id, of a job by its name and id."""

    time: str
    region: str
    what: str
    subject: str
    # A job's status and why it is in it; what happens to a machine.
    state: str


class EventsResult(Result):
    """The news of an environment, the oldest first."""

    environment: str
    events: tuple[Event, ...]


def events(site: Site, *, hours: float = 24) -> EventsResult:
    """Return the news of the last hours, from the log that people read; the trainer's queue is left alone."""
    found = [event for region in site.environment.regions for event in _events_in(site, region, hours)]
    return EventsResult(environment=site.name, events=tuple(sorted(found, key=lambda event: event.time)))


def _events_in(site: Site, region: RegionSpec, hours: float) -> list[Event]:
    logs: CloudWatchLogsClient = site.client("logs", region.name)
    group = Names.of(site.environment, region.name).event_logs()
    since = int((time.time() - hours * 3600) * 1000)
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
        return [_event(region, json.loads(entry["message"])) for page in pages for entry in page["events"]]
    except logs.exceptions.ResourceNotFoundException as error:
        raise NotDeployedError(
            thing=f"environment {site.name!r}",
            value=f"log group {group} in {region.name}",
            rule="is not there",
            fix=f"deploy first: groundplan deploy {site.name}",
        ) from error


def _event(region: RegionSpec, told: dict[str, Any]) -> Event:
    detail = told["detail"]
    if told["source"] == "aws.batch":
        reason = f": {detail['statusReason']}" if detail.get("statusReason") else ""
        subject, state = f"{detail['jobName']} {detail['jobId']}", f"{detail['status']}{reason}"
    else:
        subject, state = detail["instance-id"], detail.get("instance-action", "may be taken away")
    return Event(time=told["time"], region=region.name, what=told["detail-type"], subject=subject, state=state)
