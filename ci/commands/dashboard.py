"""dashboard: what an environment's people look at."""

from pathlib import Path
from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site


def dashboard(
    environment: EnvironmentName,
    grafana: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the JSON that Grafana imports.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it as PNG, with the figures of now.")
    ] = None,
    minutes: Annotated[int, typer.Option(min=5, max=60 * 24 * 14, help="How far back the picture goes.")] = 180,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Write an environment's dashboard for Grafana; it shows what the one in CloudWatch shows.

    Example: groundplan dashboard prod --grafana out/prod.grafana.json
    """
    import environments
    from ci import console
    from ci.dashboard import draw, write

    result = write(environments.load(environment), grafana or Path("out") / f"{environment}.grafana.json")
    if picture:
        draw(site(environment, home), picture, minutes=minutes)
        result = result.model_copy(update={"picture": picture})
    text = f"{environment}: {result.panels} panels in {result.file}" + (f", drawn in {picture}" if picture else "")
    console.show(result, json, text)
