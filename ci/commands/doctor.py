"""doctor: what would stop a deploy, before it begins."""

from typing import TYPE_CHECKING

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, Mirror, workspace

if TYPE_CHECKING:
    from rich.table import Table

    from ci.doctor import Diagnosis


def doctor(environment: EnvironmentName, json: AsJson = False, mirror: Mirror = None, home: Home = None) -> None:
    """Find what would stop a deploy, or leave it without use, and how to mend it; exits 2 when there is something.

    Example: groundplan doctor prod
    """
    import environments
    from ci import console
    from ci.doctor import diagnose

    result = diagnose(environments.load(environment), workspace(home, mirror))
    console.show(result, json, screen(result))
    if result.failures:
        raise typer.Exit(2)


def screen(diagnosis: "Diagnosis") -> "Table":
    """Return the findings; quotas that suffice are one line."""
    from ci import console

    rows: list[tuple[str, str, str]] = []
    for found in diagnosis.findings:
        if found.quota is None or found.fix:
            rows.append((found.state, found.check, found.told))
        if found.fix:
            rows.append(("", "", f"→ {found.fix}"))
    quotas = [found for found in diagnosis.findings if found.quota]
    if quotas:
        enough = sum(found.state == "ok" for found in quotas)
        rows.append(("ok", "quotas", f"{enough} of {len(quotas)} are as high as this environment may ask for"))
    return console.table("", "check", f"{diagnosis.environment}: {diagnosis.verdict}", rows=rows)
