"""Bursts as tests make them on an embedded cloud, and what of them is there."""

import json
import os
import pickle
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ci.burst import launcher
from ci.burst.plans import Order, Plan, plans
from ci.burst.remains import remove_queue
from ci.burst.stop import Stop
from ci.contracts import BURST
from ci.site import Site
from tests.ci.conftest import REPOSITORY
from tests.ci.pulumi_engine import Engine

ORDER = Order(pool="one", types=("g5.xlarge", "g6.xlarge"), hours=2, most_usd_per_hour=5)


def market(site: Site, *none: str) -> None:
    """Let the cloud have none of these, as `g5.xlarge us-east-1a`."""
    settings = site.workspace.home / "clouds" / "launchers" / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"no_capacity": none}))


def remains(site: Site) -> list[str]:
    """The names of all that bursts have made and that stands."""
    batch = site.client("batch")
    queues = [one["jobQueueName"] for one in batch.describe_job_queues()["jobQueues"]]
    machines = [one["computeEnvironmentName"] for one in batch.describe_compute_environments()["computeEnvironments"]]
    parameters = site.client("ssm").describe_parameters()["Parameters"]
    named = [*queues, *machines, *(one["Name"] for one in parameters)]
    return [*(name for name in named if BURST in name), *holds(site)]


def holds(site: Site) -> list[str]:
    """The holds on machines that cost: what was cancelled is still told of."""
    found = site.client("ec2").describe_capacity_reservations()["CapacityReservations"]
    return [one["CapacityReservationId"] for one in found if one["State"] == "active"]


def made(site: Site) -> Plan:
    """Make all of a burst, which nobody will end."""
    plan = plans(site, ORDER)[0]
    launcher._stack(site, plan, Engine(site), Stop()).up()
    return plan


@contextmanager
def holding(site: Site, folder: Path, manner: str) -> Iterator["subprocess.Popen[str]"]:
    """A launcher and its engine as processes, at the moment when AWS holds machines for them and nothing else."""
    script = folder / "pulumi"
    words = (sys.executable, "-m", "tests.ci.pulumi_process", str(folder), manner)
    script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    script.chmod(0o755)
    asked = ("burst", "run", "local", "review_writer", "--like", "one", "--types", "g5.xlarge")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ci.burst_process", "0.5", *asked, "--most-usd-per-hour", "5"],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.buffer.write(pickle.dumps((site.environment, site.workspace, site.endpoint_url)))
    process.stdin.close()
    process.stdin = None
    try:
        while not holds(site):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


class Faults:
    """The same AWS, but what it answers to this site is not always well."""

    def __init__(self, site: Site) -> None:
        self.site, self._sound = Site(site.environment, site.workspace, site.endpoint_url), site
        for operation, member in (
            ("DescribeJobQueues", "jobQueues"),
            ("DescribeComputeEnvironments", "computeEnvironments"),
        ):
            self._one_a_page(operation, member)

    def _one_a_page(self, operation: str, member: str) -> None:
        def ask(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            context["start"] = int(params.pop("nextToken", 0))

        def answer(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            found, start = parsed[member], context["start"]
            parsed[member] = found[start : start + 1]
            if len(found) > start + 1:
                parsed["nextToken"] = str(start + 1)

        events = self.site.client("batch").meta.events
        events.register(f"before-parameter-build.batch.{operation}", ask)
        events.register(f"after-call.batch.{operation}", answer)

    def status(self, operation: str, member: str, name: str, status: str) -> None:
        """Tell of another status than Batch does."""

        def answer(parsed: dict[str, Any], **_: object) -> None:
            for one in parsed[member]:
                one["status"] = status if name in one.values() else one["status"]

        self.site.client("batch").meta.events.register(f"after-call.batch.{operation}", answer)

    def goes_meanwhile(self, queue: str) -> None:
        """Tell that a queue is being deleted, and delete it once it is asked for by name."""
        self.status("DescribeJobQueues", "jobQueues", queue, "DELETING")
        self.refuse("batch", "UpdateJobQueue", queue)
        batch = self._sound.client("batch")

        def go(params: dict[str, Any], **_: object) -> None:
            if queue in str(params.get("jobQueues")):
                remove_queue(batch, queue)

        self.site.client("batch").meta.events.register("before-parameter-build.batch.DescribeJobQueues", go)

    def refuse(self, service: str, operation: str, name: str = "") -> None:
        """Let an operation fail whose parameters hold the name."""

        def refused(params: dict[str, Any], **_: object) -> None:
            if name in str(params):
                raise ClientError({"Error": {"Code": "Refused", "Message": "not now"}}, operation)

        self.site.client(service).meta.events.register(f"before-parameter-build.{service}.{operation}", refused)
