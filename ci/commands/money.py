"""prices, tags, resume: by which prices costs are told, what the bill is split by, how to go on after too much."""

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site, workspace

prices = typer.Typer(no_args_is_help=True, help="What AWS asks, as estimates use it.")


@prices.callback()
def group() -> None:
    """What AWS asks, as estimates use it."""


@prices.command(short_help="Ask AWS what it asks, for estimates")
def refresh(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Ask AWS what it asks in an environment's regions, on demand and on spot, and keep it, dated, for estimates.

    Example: groundplan prices refresh prod
    """
    from ci import console
    from ci.prices.refresh import refresh as ask
    from ci.prices.table import drawn

    result = ask(site(environment, home), progress=console.terminal_progress())
    console.show(result, json, drawn(result))


def tags(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Count what carries the tags that the bill is split by, down to the machines that AWS will launch.

    Example: groundplan tags prod
    """
    import environments
    from ci import console
    from ci.synthesis import synthesize
    from ci.tag_coverage import tag_coverage

    found = environments.load(environment)
    result = tag_coverage(found.name, synthesize(found, workspace(home)), found.tags("any"))
    text = f"{found.name}: {result.percent:.1f} % of {result.resources} resources and of {result.launched} kinds of "
    text += "machine, disk and interface that they launch carry every tag"
    text += "".join(f"\n  {carrier}: {lack}" for carrier, lack in result.gaps.items())
    console.show(result, json, text)
    if result.gaps:
        raise typer.Exit(1)


def resume(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Let training go on after a spent budget stopped it; raise the budget and deploy first.

    Example: groundplan resume prod
    """
    from ci import console
    from ci.resume import resume as let_go_on

    result = let_go_on(site(environment, home))
    text = f"{result.environment}: {result.actions} budget actions taken back, {len(result.queues)} queues released"
    console.show(result, json, text)
