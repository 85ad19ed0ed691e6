"""models: the versions of models, read from the registry and decided on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, JobName, ModelName, site

if TYPE_CHECKING:
    from ci.model_registry import Status

models = typer.Typer(help="Versions of models: which there are, who approved them.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(metavar="VERSION", help="As `models list` names it, by number or by content.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Kept with the version and in the audit log.")]


@models.command("list", short_help="List versions, and where they serve")
def list_(
    environment: EnvironmentName,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model's.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """List an environment's versions of models, the newest first, and where they serve.

    Example: groundplan models list local review_sentiment
    """
    from ci import console
    from ci.versions import WORDS, listed

    found = listed(site(environment, home), model=model)
    rows = [
        (one.model, one.semantic_version, one.version, WORDS[one.status], f"{one.accuracy:.4f}", one.region,
         ", ".join(line.endpoints), one.created)
        for line in found.versions
        for one in (line.version,)
    ]  # fmt: skip
    columns = ("model", "version", "content", "status", "accuracy>", "region", "serves", "created")
    console.show(found, json, console.table(*columns, rows=rows) if rows else f"{environment}: no versions")


@models.command(short_help="Show how a version answers, slice by slice")
def report(
    environment: EnvironmentName,
    model: ModelName,
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="By default the newest.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as one HTML file, with plots.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show how a version answers held-out rows: by slice, by group, and what its answers stand on.

    Example: groundplan models report local review_sentiment --page out/review_sentiment.html
    """
    from ci import console
    from ci.evaluation import of

    found = of(site(environment, home), model, version)
    if page:
        from ci.report.evaluation import render

        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render(found))
    told = found.evaluation
    rows = [
        (slicing, name, share.rows, f"{share.share:.4f}", f"{share.least:.3f} to {share.most:.3f}")
        for slicing, parts in {"": {"all": told.right}, **told.slices}.items()
        for name, share in parts.items()
    ]
    gaps = [
        f"groups of {name!r}: {fair.accuracy_gap:.4f} apart in right answers, {fair.selection_gap:.4f} in labels given"
        for name, fair in told.fairness.items()
    ]
    gate = "; ".join(told.objections) or "nothing speaks against it"
    title = f"{model} {found.version.semantic_version} ({found.version.version}): {gate}"
    slices = console.table("sliced by", "slice", "rows>", "right>", "with 95 %", rows=rows)
    console.show(found, json, console.stacked(title, slices, *gaps, *([f"page: {page}"] if page else [])))


@models.command(short_help="Gate, sign and register what was optimized")
def register(
    environment: EnvironmentName, model: ModelName, job: JobName = None, json: AsJson = False, home: Home = None
) -> None:
    """Put what an optimization made through its gate, sign it and register it in every region; it serves nobody yet.

    Example: groundplan models register local review_sentiment
    """
    from ci import console
    from ci.release import release

    progress = console.terminal_progress()
    result = release(site(environment, home), model, job=job, approve=False, serve=False, progress=progress)
    text = f"{model} {result.semantic_version} ({result.version}): accuracy {result.accuracy:.4f}, "
    awaits = f"awaits approval: groundplan models approve {environment} {model} {result.semantic_version}"
    console.show(result, json, text + ("is approved" if result.approved else awaits))


@models.command(short_help="Let a version be released")
def approve(
    environment: EnvironmentName, model: ModelName, version: Version, why: Why = "", json: AsJson = False,
    home: Home = None,
) -> None:  # fmt: skip
    """Approve a version in your name, in every region; `release start --no-approve` then puts it into service.

    Example: groundplan models approve local review_sentiment 1.2.0 --why "beats 1.1.0 on long texts"
    """
    _decide(environment, model, version, "Approved", why, json, home)


@models.command(short_help="Keep a version from being released")
def reject(
    environment: EnvironmentName, model: ModelName, version: Version, why: Why = "", json: AsJson = False,
    home: Home = None,
) -> None:  # fmt: skip
    """Reject a version in your name, in every region: no release takes it until somebody approves it.

    Example: groundplan models reject local review_sentiment 1.2.0 --why "worse on short texts"
    """
    _decide(environment, model, version, "Rejected", why, json, home)


def _decide(
    environment: str, model: str, version: str, status: "Status", why: str, json: bool, home: Path | None
) -> None:
    from ci import console
    from ci.versions import WORDS, decide

    result = decide(site(environment, home), model, version, status, why=why)
    where, said = ", ".join(result.regions), WORDS[result.status]
    console.show(result, json, f"{model} {result.semantic_version} ({result.version}): {said} by {result.by}, {where}")
