"""status, events, inventory, logs: what there is, and what it said. They change nothing."""

from json import dumps
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site

if TYPE_CHECKING:
    from ci.status import ClusterState, EndpointState


def status(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Show an environment's stacks, endpoints, clusters and last jobs.

    Example: groundplan status local
    """
    from ci import console
    from ci.status import status as look

    result = look(site(environment, home))
    rows = [("stack", name, f"{count} resource{'s' * (count != 1)}") for name, count in result.stacks.items()]
    rows += [("endpoint", found.endpoint, _standing(found)) for found in result.endpoints]
    rows += [("cluster", found.cluster, _members(found)) for found in result.clusters]
    rows += [("job", found.job, f"{found.state} since {found.created}") for found in result.jobs]
    text = console.table("", "name", "state", rows=rows) if rows else f"{environment}: nothing is deployed"
    console.show(result, json, text)


def _members(found: "ClusterState") -> str:
    head = "in service" if found.head_in_service else "missing"
    return f"head {head}, workers: {found.workers_in_service} of {found.workers_desired}, at most {found.workers_most}"


def _standing(found: "EndpointState") -> str:
    machines = "" if found.instances is None else f", instances: {found.instances}"
    return f"{found.state}, {found.kind}{machines}, on {found.configuration}"


def events(
    environment: EnvironmentName,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 90, help="How far back to look.")] = 24,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show what was told of an environment's machines and Batch jobs: reclaims, their warnings, states of jobs.

    Example: groundplan events local --hours 2
    """
    from ci import console
    from ci.events import events as look

    result = look(site(environment, home), hours=hours)
    rows = [(found.time, found.region, found.what, found.subject, found.state) for found in result.events]
    text = console.table("time", "region", "news", "of", "state", rows=rows) if rows else f"{environment}: no news"
    console.show(result, json, text)


def inventory(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """List everything that exists in an environment's AWS, whoever made it.

    Example: groundplan inventory local --json
    """
    from ci import console
    from ci.inventory import inventory as take

    result = take(site(environment, home))
    # What an ARN begins with stands in the other columns.
    rows = [(found.service, found.region, found.type, _less_arn(found.id)) for found in result.resources]
    text = console.table("service", "region", "type", "id", rows=rows) if rows else f"{environment}: empty"
    console.show(result, json, text)


def _less_arn(identifier: str) -> str:
    return identifier.split(":", 5)[-1] if identifier.startswith("arn:") else identifier


def logs(
    environment: EnvironmentName,
    name: Annotated[str, typer.Argument(metavar="JOB|ENDPOINT", help="A job, or an endpoint of the environment.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come, until the job ends.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print each line as a JSON object.")] = False,
    home: Home = None,
) -> None:
    """Print what a job or an endpoint logged.

    Example: groundplan logs local review-sentiment --follow
    """
    from ci.logs import logs as read

    for line in read(site(environment, home), name, follow=follow):
        print(dumps({"line": line}) if json else line, flush=True)
