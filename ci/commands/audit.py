"""audit: who changed which model, and whether that record is whole."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site

audit = typer.Typer(help="The audit log: who changed which model, in a chain of signed entries.", no_args_is_help=True)


@audit.command("list", short_help="List what became of models, the oldest first")
def list_(
    environment: EnvironmentName,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only this model's.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """List what became of an environment's models, the oldest first.

    Example: groundplan audit list local --model review_sentiment
    """
    from ci import console
    from ci.audit.record import listed

    found = listed(site(environment, home), model=model)
    rows = [
        (entry.number, entry.at, entry.event, entry.model, entry.version, entry.who, _facts(entry.facts))
        for entry in found.entries
    ]
    columns = ("entry>", "when", "what", "model", "version", "who", "facts")
    console.show(found, json, console.table(*columns, rows=rows) if rows else f"{environment}: no entries")


@audit.command(short_help="Prove that no entry was changed, moved or removed")
def verify(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Prove that no entry was changed, moved or removed; exits with 1 and names the entry when one was.

    Example: groundplan audit verify local
    """
    from ci import console
    from ci.audit.record import check
    from ci.audit.record import verify as prove

    result = prove(site(environment, home))
    if json or not result.flaws:
        last = f"; the last: {result.last.event} {result.last.model}, {result.last.at}" if result.last else ""
        console.show(result, json, f"{environment}: {result.entries} entries, whole, {result.signed} signed{last}")
    check(result)


def _facts(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
