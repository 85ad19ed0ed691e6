"""rollout: a release on its way to an endpoint's calls."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site

EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="An endpoint's name in the environment's file.")]

rollout = typer.Typer(help="See a release that is on its way to an endpoint's calls; send it on, or back.")


@rollout.callback()
def group() -> None:
    """See a release that is on its way to an endpoint's calls; send it on, or back."""


@rollout.command(short_help="Show how a release stands, and what its calls prove")
def status(environment: EnvironmentName, endpoint: EndpointName, json: AsJson = False, home: Home = None) -> None:
    """Show what was decided of the last release to an endpoint, and what its calls say beside the old one's.

    Example: groundplan rollout status local review-sentiment
    """
    from ci import console
    from ci.traffic import report

    found = report.status(site(environment, home), endpoint)
    console.show(found, json, report.drawn(found))


@rollout.command(short_help="Go on with a release whose command was stopped")
def resume(environment: EnvironmentName, endpoint: EndpointName, json: AsJson = False, home: Home = None) -> None:
    """Go on with a release whose command was stopped or killed, wherever it was; exits with 1 when it went back.

    Example: groundplan rollout resume prod review-sentiment-live
    """
    from ci import console
    from ci.traffic import report

    result = report.carried(site(environment, home), endpoint, lambda found: found.go_on(), console.terminal_progress())
    console.show(result, json, report.drawn(result))


@rollout.command(short_help="Give a release all calls, whatever it had to prove")
def promote(environment: EnvironmentName, endpoint: EndpointName, json: AsJson = False, home: Home = None) -> None:
    """Give a release that is on its way all calls now, without the rest of its steps.

    Example: groundplan rollout promote prod review-sentiment-live
    """
    _turn(environment, endpoint, json, home, forward=True)


@rollout.command(short_help="Send a release back to what served before")
def rollback(environment: EnvironmentName, endpoint: EndpointName, json: AsJson = False, home: Home = None) -> None:
    """Send the last release to an endpoint back, on its way or out: what served before it serves again.

    Example: groundplan rollout rollback prod review-sentiment-live
    """
    _turn(environment, endpoint, json, home, forward=False)


def _turn(environment: str, endpoint: str, json: bool, home: Home, *, forward: bool) -> None:
    from ci import console
    from ci.traffic import report

    result = report.carried(
        site(environment, home), endpoint, lambda found: found.turn(forward=forward), console.terminal_progress()
    )
    console.show(result, json, report.drawn(result))
