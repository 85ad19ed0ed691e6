"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ci.site import Site
    from ci.workspace import Workspace

EnvironmentName = Annotated[
    str, typer.Argument(metavar="ENVIRONMENT", help="A file in environments/, such as `local`.")
]
EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="An endpoint's name in the environment's file.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A folder in ml/models/, such as `review_sentiment`.")]
JobName = Annotated[
    str | None, typer.Option("--job", metavar="JOB", help="The job whose model to take; by default the newest.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--provider-mirror",
        envvar="GROUNDPLAN_PROVIDER_MIRROR",
        metavar="FOLDER",
        help="Folder with Terraform providers, as `terraform providers mirror` fills it.",
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="GROUNDPLAN_HOME",
        metavar="FOLDER",
        help="Working folder, .groundplan by default.",
        hidden=True,
    ),
]


def listed(text: str) -> list[str]:
    """Return the words of an option that takes several, with commas between them."""
    return [word.strip() for word in text.split(",") if word.strip()]


def workspace(home: Path | None, mirror: Path | None = None) -> "Workspace":
    """Return the workspace that the options name."""
    from ci.workspace import ROOT, Workspace

    return Workspace(root=ROOT, home=(home or ROOT / ".groundplan").absolute(), provider_mirror=mirror)


def site(environment: str, home: Path | None, mirror: Path | None = None) -> "Site":
    """Return the site of an environment in that workspace."""
    from ci.site import Site

    return Site.reach(environment, workspace(home, mirror))
