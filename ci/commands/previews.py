"""previews: what pull requests have deployed for themselves, and its end."""

from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.changes import Markdown
from ci.commands.options import AsJson, EnvironmentName, Home, Mirror, site

if TYPE_CHECKING:
    from ci.previews import Previews


def previews(
    environment: EnvironmentName,
    reap: Annotated[bool, typer.Option("--reap", help="Destroy those whose time is over.")] = False,
    markdown: Markdown = None,
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """List the previews of an environment, and until when each stands; `dev` has `devpr7` for pull request 7.

    Each command takes a preview as it takes an environment: `groundplan deploy devpr7`.

    Example: groundplan previews dev --reap
    """
    from ci import console
    from ci.changes.markdown import write
    from ci.previews import previews as list_previews
    from ci.previews import reap as destroy_expired

    reached = site(environment, home, mirror)
    result = destroy_expired(reached, progress=console.terminal_progress()) if reap else list_previews(reached)
    write(markdown, _comment(result))
    rows = [
        (
            one.environment,
            one.pull_request,
            f"{one.deployed_at:%Y-%m-%d %H:%M} UTC",
            f"{one.ends_at:%Y-%m-%d %H:%M} UTC",
        )
        for one in result.standing
    ]
    drawn = console.table("preview", "pull request>", "deployed", "ends", rows=rows) if rows else "no preview stands"
    console.show(result, json, console.stacked(*(f"destroyed {name}" for name in result.destroyed), drawn))


def _comment(result: "Previews") -> str:
    from ci.changes import markdown

    rows = [
        (f"`{one.environment}`", f"#{one.pull_request}", f"{one.ends_at:%Y-%m-%d %H:%M} UTC") for one in result.standing
    ]
    told = f"Try it with any command, such as `groundplan status {result.environment}pr…`; closing destroys it."
    table = markdown.table(("preview", "of", "ends, unless deployed again"), rows) if rows else "None stands."
    return f"## Previews of `{result.environment}`\n\n{table}\n\n{told}\n"
