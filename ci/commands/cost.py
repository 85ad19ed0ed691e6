"""cost: what an environment cost, will cost, and would cost more with a change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.changes import Markdown, Summary
from ci.commands.options import AsJson, EnvironmentName, Home, site, workspace

if TYPE_CHECKING:
    from rich.console import Group

    from ci.estimate.change import CostChange
    from ci.estimate.report import Estimate
    from ci.workspace import Workspace
    from infra.spec import Environment


def cost(
    environment: EnvironmentName,
    by: Annotated[
        str | None, typer.Option(metavar="TAG", help="A tag, such as model; an estimate also takes part and stack.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Bill: how many days, today among them.")] = 30,
    estimate: Annotated[
        bool | None,
        typer.Option("--estimate/--bill", help="What it will cost, or what it did; the latter on an embedded cloud."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Estimate: what costs more than there; the gate says yes or no."),
    ] = None,
    markdown: Markdown = None,
    summary: Summary = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --against: write a page with a chart.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Estimate: also what is paid by use, and what was assumed.")
    ] = False,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show what an environment cost by a tag, what it will cost, or what a change adds to that.

    An estimate that has to leave a resource out, for want of a price, exits 2.

    Example: groundplan cost prod --against origin/main
    """
    import environments
    from ci import console
    from infra.spec import AwsAccount

    found = environments.load(environment)
    if against is not None:
        change = _change(found, workspace(home), against)
        _write(change, markdown, summary, html)
        console.show(change, json, _drawn(change))
        change.check()
        return
    if isinstance(found.target, AwsAccount) if estimate is None else estimate:
        _show_ahead(_ahead(found, workspace(home)), by, everything, json)
        return
    from ci.cost import cost as add_up

    result = add_up(site(environment, home), by=by or "component", days=days)
    rows = [*((value, f"{usd:.6f}") for value, usd in result.usd.items()), ("total", f"{result.total_usd:.6f}")]
    console.show(result, json, console.table(result.by, "USD>", rows=rows, title=result.prices))


def _show_ahead(ahead: "Estimate", by: str | None, everything: bool, json: bool) -> None:
    from ci import console
    from ci.estimate.table import drawn, drawn_by

    console.show(ahead, json, drawn_by(ahead, by) if by else drawn(ahead, everything=everything))
    if ahead.left_out:
        raise typer.Exit(2)


def _ahead(environment: "Environment", place: "Workspace") -> "Estimate":
    from ci.estimate.report import estimate
    from ci.prices.refresh import known_prices
    from ci.synthesis import synthesize

    stacks, table = synthesize(environment, place), known_prices(environment, place)
    return estimate(environment.name, stacks, table, budget_usd=environment.budget.monthly_usd)


def _change(environment: "Environment", place: "Workspace", against: str) -> "CostChange":
    from ci.estimate.change import compare
    from ci.estimate.report import estimate
    from ci.prices.refresh import known_prices
    from ci.revision import Revision, stacks_at

    revision = Revision.of(against, place)
    after = _ahead(environment, place)
    with stacks_at(revision, environment.name, place) as stacks:
        before = estimate(environment.name, stacks, known_prices(environment, place))
    return compare(before, after, environment.budget.gate, against=against, commit=revision.commit)


def _write(change: "CostChange", markdown: Path | None, summary: Path | None, html: Path | None) -> None:
    from ci.changes.markdown import write
    from ci.estimate.comment import comment
    from ci.estimate.page import page

    write(markdown, comment(change))
    write(summary, comment(change), add=True)
    if html:
        write(html, page(change))


def _drawn(change: "CostChange") -> "Group":
    from ci import console

    least = "≥ " if change.after.left_out else ""
    rows = [
        (
            one.name,
            f"{mark}{one.idle_after:,.2f}",
            f"{one.idle:+,.2f}",
            f"{mark}{one.worst_after:,.2f}",
            f"{one.worst:+,.2f}",
        )
        for one, mark in (*((part, "") for part in change.parts), (change.total, least))
    ]
    title = f"{change.environment}: US dollars a month against {change.against}; oldest price of {change.as_of}"
    columns = ("part", "idle>", "more>", "at the limit>", "more>")
    errors = [f"[bold red]error:[/] {error}" for error in change.errors]
    return console.stacked(console.table(*columns, rows=rows, title=title), *errors)
