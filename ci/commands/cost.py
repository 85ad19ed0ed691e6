"""cost: what an environment cost, will cost, and would cost more with a change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ci.commands.changes import Markdown, Summary
from ci.commands.options import AsJson, EnvironmentName, Home, site, workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Group

    from ci.estimate.change import CostChange
    from ci.estimate.report import Estimate
    from ci.site import Site
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
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Estimate: write a page with a chart.")] = None,
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
    from infra.spec import AwsAccount

    found = environments.load(environment)
    ahead = isinstance(found.target, AwsAccount) if estimate is None else estimate
    files = _Files(markdown, summary, html)
    _check(environment, files, by=by, against=against, estimated=ahead or against is not None)
    if against is not None:
        _show_change(_change(found, workspace(home), against), files, json)
    elif ahead:
        _show_ahead(_ahead(found, workspace(home)), files, by=by, everything=everything, json=json)
    else:
        _show_bill(site(environment, home), by, days, json)


class _Files(NamedTuple):
    """Where an estimate is written, if anywhere."""

    markdown: Path | None
    summary: Path | None
    html: Path | None

    def write(self, text: "Callable[[int], str]", page: "Callable[[], str]", *, most: int) -> None:
        from ci.changes.markdown import MOST_OF_A_SUMMARY, write

        if self.markdown:
            write(self.markdown, text(most))
        if self.summary:
            write(self.summary, text(MOST_OF_A_SUMMARY), add=True)
        if self.html:
            write(self.html, page())


def _check(environment: str, files: _Files, *, by: str | None, against: str | None, estimated: bool) -> None:
    """Refuse options that would do nothing."""
    from ci.errors import CommandError

    if by and against is not None:
        rule = "would do nothing beside --against, which tells every tag"
        raise CommandError(thing="cost", value=f"--by {by}", rule=rule, fix="leave one of the two out")
    if any(files) and not estimated:
        given = ", ".join(f"--{name}" for name, file in files._asdict().items() if file)
        rule, fix = "is written of an estimate, and this is a bill", "add --estimate, or --against REVISION"
        raise CommandError(thing=f"cost of environment {environment!r}", value=given, rule=rule, fix=fix)


def _show_bill(place: "Site", by: str | None, days: int, json: bool) -> None:
    from ci import console
    from ci.cost import cost as add_up

    result = add_up(place, by=by or "component", days=days)
    rows = [*((value, f"{usd:.6f}") for value, usd in result.usd.items()), ("total", f"{result.total_usd:.6f}")]
    console.show(result, json, console.table(result.by, "USD>", rows=rows, title=result.prices))


def _show_change(change: "CostChange", files: _Files, json: bool) -> None:
    from ci import console
    from ci.changes.markdown import MOST_OF_A_COST
    from ci.estimate.comment import comment
    from ci.estimate.page import page

    files.write(lambda most: comment(change, most=most), lambda: page(change), most=MOST_OF_A_COST)
    console.show(change, json, _drawn(change))
    change.check()


def _show_ahead(ahead: "Estimate", files: _Files, *, by: str | None, everything: bool, json: bool) -> None:
    from ci import console
    from ci.changes.markdown import MOST_OF_A_COMMENT
    from ci.estimate.comment import estimate_comment
    from ci.estimate.page import estimate_page
    from ci.estimate.table import drawn, drawn_by

    text = drawn_by(ahead, by) if by else drawn(ahead, everything=everything)
    files.write(lambda most: estimate_comment(ahead, most=most), lambda: estimate_page(ahead), most=MOST_OF_A_COMMENT)
    console.show(ahead, json, text)
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


def _drawn(change: "CostChange") -> "Group":
    from ci import console
    from ci.estimate.table import least

    rows = [
        (
            one.name,
            f"{least(one.idle_at_least)}{one.idle_after:,.2f}",
            f"{least(one.idle_more_at_least)}{one.idle:+,.2f}",
            f"{least(one.worst_at_least)}{one.worst_after:,.2f}",
            f"{least(one.worst_more_at_least)}{one.worst:+,.2f}",
        )
        for one in (*change.parts, change.total)
    ]
    title = f"{change.environment}: US dollars a month against {change.base}; oldest price of {change.as_of}"
    columns = ("part", "idle>", "more>", "at the limit>", "more>")
    errors = [f"[bold red]error:[/] {error}" for error in change.errors]
    gone = f"[yellow]no stack declares what made {', '.join(change.gone)}; it is paid until somebody destroys it[/]"
    left = [gone] if change.gone else []
    excluded = f"not in any sum: {', '.join(change.after.not_in_any_sum)}"
    return console.stacked(console.table(*columns, rows=rows, title=title), *errors, *left, excluded)
