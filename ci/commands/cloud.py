"""cloud start, stop, status, env: the embedded AWS of this checkout."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, Mirror, site, workspace

cloud = typer.Typer(help="Start, stop and reach the embedded AWS.", no_args_is_help=True)

CloudName = Annotated[str, typer.Option("--name", help="Which cloud; an environment's target names its own.")]


@cloud.command(short_help="Start a cloud, empty")
def start(
    name: CloudName = "default",
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; a free one by default.", min=1, max=65535)
    ] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Start a cloud, empty; one that runs already is left as it is.

    Example: groundplan cloud start
    """
    from ci import console, embedded_cloud

    place = workspace(home)
    before = embedded_cloud.status(place).clouds
    record = embedded_cloud.start(name, place, port=port)
    clouds = embedded_cloud.Clouds(clouds=(record,))
    memory = "What is deployed to it lives in its memory: a stop, or a crash, forgets it all."
    told = "It runs already, and was left as it is." if record in before else memory
    console.show(clouds, json, f"{_told(clouds)}\n{told}")


@cloud.command(short_help="Stop a cloud with all that is in it")
def stop(name: CloudName = "default", json: AsJson = False, home: Home = None) -> None:
    """Stop a cloud with every job and endpoint in it; what was deployed to it is gone.

    Example: groundplan cloud stop
    """
    from ci import console, embedded_cloud

    result = embedded_cloud.Stopped(name=name, ran=embedded_cloud.stop(name, workspace(home)))
    console.show(result, json, f"cloud {name!r} " + ("stopped" if result.ran else "was not running"))


@cloud.command(short_help="List the clouds that run")
def status(json: AsJson = False, home: Home = None) -> None:
    """List the clouds that run.

    Example: groundplan cloud status
    """
    from ci import console, embedded_cloud

    clouds = embedded_cloud.status(workspace(home))
    console.show(clouds, json, _told(clouds) or "no cloud is running; start one: groundplan cloud start")


@cloud.command(short_help="Print variables that point other programs at it")
def env(environment: EnvironmentName, json: AsJson = False, mirror: Mirror = None, home: Home = None) -> None:
    """Print the variables that point boto3, Terraform and cdktf at an environment's AWS.

    Example: eval "$(groundplan cloud env local)" && npx cdktf deploy 'local-*' --skip-provider-lock
    """
    from ci import console, embedded_cloud

    result = embedded_cloud.Exports(variables=embedded_cloud.exports(site(environment, home, mirror)))
    console.show(result, json, embedded_cloud.as_shell(result.variables))


def _told(clouds: "object") -> str:
    from ci.embedded_cloud import Clouds

    assert isinstance(clouds, Clouds)
    return "\n".join(f"cloud {found.name!r} at {found.url}, pid {found.pid}" for found in clouds.clouds)
