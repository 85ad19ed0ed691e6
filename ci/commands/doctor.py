"""doctor: what would stop a deploy, before it begins."""

from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, Home, Mirror, workspace
from ci.commands.workflows import Api, Token

if TYPE_CHECKING:
    from rich.table import Table

    from ci.doctor import Diagnosis
    from ci.finding import Finding


EnvironmentOrNone = Annotated[
    str | None, typer.Argument(metavar="ENVIRONMENT", help="A file in environments/; without it, this machine alone.")
]


def doctor(
    environment: EnvironmentOrNone = None,
    token: Token = None,
    api: Api = "https://api.github.com",
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Find what would stop a deploy, or leave it without use, and how to mend it; exits 2 when there is something.

    With a token of GitHub's it also looks whether anybody approves a deploy there.

    Example: groundplan doctor prod
    """
    import environments
    from ci import console
    from ci.doctor import diagnose
    from ci.github_gates import GithubApi

    found = environments.load(environment) if environment else None
    github = GithubApi(api, token) if token else None
    result = diagnose(found, workspace(home, mirror), github=github, progress=console.terminal_progress())
    console.show(result, json, screen(result))
    if result.failures:
        raise typer.Exit(2)


def screen(diagnosis: "Diagnosis") -> "Table":
    """Return the findings; machines that there are, and quotas that suffice, are one line."""
    from rich.markup import escape

    from ci import console

    rows: list[tuple[str, str, str]] = []
    for found in diagnosis.findings:
        if found.fix or not _is_one_of_many(found):
            rows.append((found.state, found.check, escape(found.told)))
        if found.fix:
            # Brackets of a command are no colours.
            rows.append(("", "", f"→ {escape(found.fix)}"))
    kinds = [found for found in diagnosis.findings if found.check.startswith("types ")]
    quotas = [found for found in diagnosis.findings if found.quota]
    for check, many, told in (
        ("types", kinds, "kinds of machine are offered where they are to stand"),
        ("quotas", quotas, "are as high as this environment may ask for"),
    ):
        if enough := sum(found.state == "ok" for found in many):
            rows.append(("ok", check, f"{enough} of {len(many)} {told}"))
    return console.table("", "check", f"{diagnosis.environment or 'this machine'}: {diagnosis.verdict}", rows=rows)


def _is_one_of_many(found: "Finding") -> bool:
    return bool(found.quota) or found.check.startswith("types ")
