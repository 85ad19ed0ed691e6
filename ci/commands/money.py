"""cost, prices, tags, resume: what an environment costs, by which prices, and how to go on after too much."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site, workspace


def cost(
    environment: EnvironmentName,
    by: Annotated[str, typer.Option(metavar="TAG", help="Bill: a tag, such as model or owner.")] = "component",
    days: Annotated[int, typer.Option(min=1, max=365, help="Bill: how many days, today among them.")] = 30,
    estimate: Annotated[
        bool | None,
        typer.Option("--estimate/--bill", help="What it will cost, or what it did; the latter on an embedded cloud."),
    ] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show what an environment cost by a tag, or what it will cost before it is deployed.

    Example: groundplan cost prod
    """
    import environments
    from ci import console
    from infra.spec import AwsAccount

    found = environments.load(environment)
    if isinstance(found.target, AwsAccount) if estimate is None else estimate:
        from ci.estimate.report import estimate as add_up_ahead
        from ci.estimate.table import drawn
        from ci.prices.refresh import known_prices
        from ci.synthesis import synthesize

        place = workspace(home)
        stacks, table = synthesize(found, place), known_prices(found, place)
        ahead = add_up_ahead(found.name, stacks, table, budget_usd=found.budget.monthly_usd)
        console.show(ahead, json, drawn(ahead))
        return
    from ci.cost import cost as add_up

    result = add_up(site(environment, home), by=by, days=days)
    rows = [*((value, f"{usd:.6f}") for value, usd in result.usd.items()), ("total", f"{result.total_usd:.6f}")]
    console.show(result, json, console.table(by, "USD>", rows=rows, title=result.prices))


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
