"""release: a model's way into an endpoint's calls, and back."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EndpointName, EnvironmentName, Home, JobName, ModelName, site

Region = Annotated[
    str, typer.Option("--region", metavar="NAME", help="The endpoint's; by default the first that has one so named.")
]

release = typer.Typer(help="Release a model to the endpoints that serve it; see how that goes, send it on, or back.")


@release.callback()
def group() -> None:
    """Release a model to the endpoints that serve it; see how that goes, send it on, or back."""


@release.command(short_help="Sign and register a model, and put it into service")
def start(
    environment: EnvironmentName,
    model: ModelName,
    job: JobName = None,
    approve: Annotated[
        bool, typer.Option("--approve/--no-approve", help="Approve it in your name, or take only what is approved.")
    ] = True,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Sign and register an optimized model, and put it behind every endpoint that serves it.

    With --no-approve a version that awaits approval is registered and no more: exits with 1 (`models approve`).

    Example: groundplan release start local review_sentiment
    """
    from ci import console
    from ci.release import release as release_model

    found = site(environment, home)
    result = release_model(found, model, job=job, approve=approve, progress=console.terminal_progress())
    text = f"{result.model} {result.semantic_version} ({result.version}): "
    text += f"accuracy {result.accuracy:.4f}, baseline {result.baseline_accuracy:.4f}"
    text += "".join(
        f"\n{served.region} {served.endpoint}: in service after {served.seconds:.1f} s" for served in result.endpoints
    )
    console.show(result, json, text)


@release.command(short_help="Show how a release stands, and what its calls prove")
def status(
    environment: EnvironmentName, endpoint: EndpointName, region: Region = "", json: AsJson = False, home: Home = None
) -> None:
    """Show what was decided of the last release to an endpoint, and what its calls say beside the old one's.

    Example: groundplan release status local review-sentiment
    """
    from ci import console
    from ci.traffic import report

    found = report.status(site(environment, home), endpoint, region)
    console.show(found, json, report.drawn(found, with_history=True))


@release.command(short_help="Go on with a release whose command was stopped")
def resume(
    environment: EnvironmentName, endpoint: EndpointName, region: Region = "", json: AsJson = False, home: Home = None
) -> None:
    """Go on with a release whose command was stopped or killed, wherever it was; exits with 1 when it went back.

    Example: groundplan release resume prod review-sentiment-live
    """
    from ci import console
    from ci.traffic import report

    place, progress = site(environment, home), console.terminal_progress()
    result = report.carried(place, endpoint, lambda found: found.go_on(), progress, region=region)
    console.show(result, json, report.drawn(result))


@release.command(short_help="Give a release all calls, whatever it had to prove")
def promote(
    environment: EnvironmentName, endpoint: EndpointName, region: Region = "", json: AsJson = False, home: Home = None
) -> None:
    """Give a release that is on its way all calls now, without the rest of its steps.

    Example: groundplan release promote prod review-sentiment-live
    """
    _turn(environment, endpoint, region, json, home, forward=True)


@release.command(short_help="Send a release back to what served before")
def rollback(
    environment: EnvironmentName, endpoint: EndpointName, region: Region = "", json: AsJson = False, home: Home = None
) -> None:
    """Send the last release to an endpoint back, on its way or out: what served before it serves again.

    Example: groundplan release rollback prod review-sentiment-live
    """
    _turn(environment, endpoint, region, json, home, forward=False)


def _turn(environment: str, endpoint: str, region: str, json: bool, home: Home, *, forward: bool) -> None:
    from ci import console
    from ci.traffic import report

    place, progress = site(environment, home), console.terminal_progress()
    result = report.carried(place, endpoint, lambda found: found.turn(forward=forward), progress, region=region)
    console.show(result, json, report.drawn(result))
