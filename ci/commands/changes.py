"""plan, drift, diff: what a deploy would change, what others changed, and what two environments differ in."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, Mirror, listed, site, workspace
from ci.commands.workflows import Api, Output, Repository, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci.changes.difference import Difference
    from ci.plan import PlanResult
    from ci.workspace import Workspace

Markdown = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Write the comment for a pull request.")
]
Summary = Annotated[
    Path | None, typer.Option("--summary", metavar="FILE", help="Add all of it, as Markdown, to a job's summary.")
]

LEGEND = "~ reads what changes with the same deploy: there may be more of it"
WIDEST_CELL = 40


def plan(
    environment: EnvironmentName,
    markdown: Markdown = None,
    summary: Summary = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw the stacks into an SVG file.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep it in the state bucket, for: groundplan deploy --plan HASH")
    ] = False,
    labels: Annotated[
        str | None,
        typer.Option(metavar="LABEL,…", help="Those of its pull request: exit 2 if it loses data and none says so."),
    ] = None,
    output: Output = None,
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="As a first deploy, on an empty cloud here; no account is asked.")
    ] = False,
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Show what a deploy would change in every stack; those marked ~ read what changes with the same deploy.

    Example: groundplan plan dev --markdown plan.md
    """
    from ci import console
    from ci.changes.consent import check_labels
    from ci.plan import plan as plan_environment

    if from_nothing:
        result = _from_nothing(environment, workspace(home, mirror))
    else:
        result = plan_environment(site(environment, home, mirror), save=save, progress=console.terminal_progress())
    _write(result, markdown, summary, picture, output)
    rows = [
        ("" if found.exact else "~", stack, *(found.counts[action] for action in result.summary.shown))
        for stack, found in result.stacks.items()
    ]
    rows.append(("", "all", *(result.summary.counts[action] for action in result.summary.shown)))
    drawn = console.table("", "stack", *(f"{action}>" for action in result.summary.shown), rows=rows)
    legend = [] if all(found.exact for found in result.stacks.values()) else [LEGEND]
    console.show(result, json, console.stacked(drawn, *legend, *_warnings(result)))
    if labels is not None:
        check_labels(environment, result.losses, listed(labels))


def _from_nothing(environment: str, place: "Workspace") -> "PlanResult":
    import environments
    from ci import console
    from ci.plan import plan as plan_environment
    from ci.rehearse import stage

    progress = console.terminal_progress()
    with stage(environments.load(environment), place, progress) as empty:
        return plan_environment(empty, progress=progress)


def _write(
    result: "PlanResult", markdown: Path | None, summary: Path | None, picture: Path | None, output: Path | None
) -> None:
    from ci.changes.comment import comment
    from ci.changes.markdown import MOST_OF_A_SUMMARY, write
    from ci.changes.picture import svg

    write(markdown, comment(result))
    write(summary, comment(result, most=MOST_OF_A_SUMMARY), add=True)
    if picture:
        write(picture, svg(result))
    if result.saved:
        write(output, f"plan={result.saved}\n", add=True)


def _warnings(result: "PlanResult") -> list[str]:
    from ci.undeclared import told

    lost = [
        f"[bold red]{stack}: {change.action} of {change.address}[/], which loses what it holds: {change.because}"
        for stack, changes in result.losses.items()
        for change in changes
    ]
    kept = [f"saved as {result.saved}"] if result.saved else []
    return [
        *kept,
        *lost,
        *([f"[bold red]{told(result.environment, result.undeclared)}[/]"] if result.undeclared else ()),
    ]


def drift(
    environment: EnvironmentName,
    markdown: Markdown = None,
    summary: Summary = None,
    issue: Annotated[
        bool, typer.Option("--issue", help="Open, renew or close the issue that tells of it on GitHub.")
    ] = False,
    repository: Repository = "",
    api: Api = "https://api.github.com",
    token: Token = None,
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Show what was changed or removed by other ways than a deploy; exit 2 if anything was.

    Example: groundplan drift prod
    """
    from ci import console
    from ci.changes.drift_comment import DONE, drift_comment
    from ci.changes.markdown import MOST_OF_A_SUMMARY, write
    from ci.drift import drift as look
    from ci.github import GitHub

    result = look(site(environment, home, mirror), progress=console.terminal_progress())
    write(markdown, drift_comment(result))
    write(summary, drift_comment(result, most=MOST_OF_A_SUMMARY), add=True)
    if issue:
        title, body = f"{environment} drifted", drift_comment(result) if result.total else None
        GitHub(api, repository, token or "").issue(f"drift of {environment}", title, body)
    rows = [
        (stack, DONE[change.action], change.address, "\n".join(change.attributes))
        for stack, changes in result.stacks.items()
        for change in changes
    ]
    looked = f"{environment}: {result.total} of {sum(result.looked_at.values())} resources drifted"
    looked = looked if result.looked_at else f"{environment}: nothing is deployed"
    drawn = console.table("stack", "how", "resource", "values", rows=rows, title=looked) if rows else looked
    console.show(result, json, drawn)
    if result.total:
        raise typer.Exit(2)


def diff(
    one: EnvironmentName,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The environment to compare it with.")],
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show what two environments differ in: the words of their files, and what their stacks declare.

    Example: groundplan diff dev prod
    """
    import environments
    from ci import console
    from ci.changes.difference import difference
    from ci.synthesis import synthesize

    left, right = environments.load(one), environments.load(other)
    place = workspace(home)
    result = difference(left, right, synthesize(left, place), synthesize(right, place))
    rows = [(field, *(fill(value, WIDEST_CELL) for value in values)) for field, values in result.fields.items()]
    fields = console.table("field", one, other, rows=rows)
    declared = console.table("stack", "declares", f"{one}>", f"{other}>", rows=list(_declared(result)))
    console.show(result, json, console.stacked(fields, "", declared))


def _declared(result: "Difference") -> "Iterator[tuple[str, str, int, int]]":
    """A row for each type; one for all of a stack that only one of the two has."""
    for stack, kinds in result.stacks.items():
        ours, theirs = (sum(counts[side] for counts in kinds.values()) for side in (0, 1))
        if stack in result.only:
            yield stack, "all of it", ours, theirs
        else:
            yield from ((stack, kind, *counts) for kind, counts in kinds.items())
