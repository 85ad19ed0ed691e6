"""data: what models are trained on."""

from pathlib import Path
from typing import Annotated

import typer

from ci.commands.options import AsJson, Home, ModelName, workspace

data = typer.Typer(help="Data sets: what models are trained on.", no_args_is_help=True)


@data.callback()
def _group() -> None:
    """Data sets: what models are trained on."""


@data.command(short_help="Make a model's data set, anywhere the same")
def prepare(
    model: ModelName,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Processes that transform the texts.")] = 1,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Transform them on this cluster of Ray; `local` starts one here."),
    ] = None,
    rows_per_shard: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Rows in a shard; more for large data.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; by default where `train` looks.")
    ] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Make a model's data set: the same bytes here, in many processes and on Ray.

    Example: groundplan data prepare review_sentiment --workers 2
    """
    from ci import console
    from ci.data import prepare as make

    result = make(
        workspace(home),
        model,
        workers=workers,
        ray=ray,
        rows_per_shard=rows_per_shard,
        out=out,
        progress=console.terminal_progress(),
    )
    text = f"{result.model} {result.version}, {result.seconds} s: {result.folder}\n"
    text += f"of {result.source} ({result.source_sha256[:12]}), by code {result.transform_sha256[:12]}"
    for name, split in result.splits.items():
        text += f"\n{name}: {split.rows} rows in {split.shards} shards, {split.bytes} bytes"
    console.show(result, json, text)
