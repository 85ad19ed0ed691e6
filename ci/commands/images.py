"""images: what training and serving run in: tried here, built in CI, and known by what is in it."""

from pathlib import Path
from typing import Annotated

import typer

from ci.commands.changes import Summary
from ci.commands.options import AsJson, EnvironmentName, Home, site, workspace
from ci.commands.workflows import Api, Output, Repository, Token


def _known(image: str) -> str:
    """Refuse what is no image before anything is made or removed by its name."""
    from ci.images.catalogue import known

    return known(image)


Image = Annotated[str, typer.Argument(metavar="IMAGE", help="train, ray, serve or edge.", callback=_known)]

images = typer.Typer(no_args_is_help=True, help="Try, build and examine the images that jobs and endpoints run.")


@images.callback()
def group() -> None:
    """Try, build and examine the images that jobs and endpoints run."""


@images.command("try", short_help="Run an image's own steps here, without Docker")
def try_image(
    image: Image,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[WORD]…", help="What to start it with.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Run an image's own steps in a folder, without Docker, and start what they made.

    `train` and `ray` install torch, which takes minutes.

    Example: groundplan images try serve
    """
    import shutil

    from ci import console
    from ci.images.trial import attempt

    place = workspace(home)
    folder = place.home / "images" / image
    shutil.rmtree(folder, ignore_errors=True)
    result = attempt(image, place, folder, progress=console.terminal_progress())
    with result.started(*(arguments or ["--help"])) as process:
        said = process.communicate()[0]
    if process.returncode:
        raise typer.Exit(1)
    rows = [(step.stage, f"{step.seconds:.1f} s", step.command) for step in result.steps]
    told = f"{image}: {result.megabytes} MB in {result.root}, beside its base; nothing was written there by what ran"
    console.show(result, json, console.stacked(console.table("stage", "took>", "step", rows=rows), said.strip(), told))


@images.command(short_help="List what is in an image, for scanners")
def sbom(
    image: Image,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, not to the terminal.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Print an image's bill of materials by its lists, which is CycloneDX JSON in any case.

    What a build really installed, it writes itself: groundplan images build IMAGE ENVIRONMENT --sbom FILE.

    Example: groundplan images sbom serve --output serve.cdx.json
    """
    from ci.changes.markdown import write
    from ci.images.contents import bill_of_materials
    from ci.revision import Revision

    place = workspace(home)
    text = bill_of_materials(image, place, version=Revision.of("HEAD", place).commit)
    if output is None:
        typer.echo(text, nl=False)
    write(output, text)


@images.command(short_help="Build an image and push it to an environment")
def build(
    image: Image,
    environment: EnvironmentName,
    sbom: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there what was installed in it.")] = None,
    output: Output = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Build an image and push it, by its digest, to an environment's first region, unless its tag is there already.

    `images tag` then gives it its tag in every region.

    Example: groundplan images build serve dev
    """
    from ci import console
    from ci.changes.markdown import write
    from ci.images.builder import build as build_image
    from ci.images.contents import bill_of_materials
    from ci.revision import Revision

    reached = site(environment, home)
    commit = Revision.of("HEAD", reached.workspace).commit
    result = build_image(reached, image, commit=commit, progress=console.terminal_progress())
    name, _, digest = next(iter(result.names.values())).partition("@")
    if sbom and result.pushed:
        write(sbom, bill_of_materials(image, reached.workspace, version=commit, installed=result.installed))
    write(output, f"name={name}\ndigest={digest}\npushed={str(result.pushed).lower()}\n", add=True)
    fix = f"groundplan images tag {image} {environment} {digest}"
    done = f"pushed; to name it: {fix}" if result.pushed else "there already; for another, raise image_tag"
    console.show(result, json, "\n".join([f"{result.tag}: {done}", *result.names.values()]))


@images.command(short_help="Give a pushed image its tag in every region")
def tag(
    image: Image,
    environment: EnvironmentName,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="What the build said: sha256:….")],
    summary: Summary = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Give an image that was pushed, and signed, the tag by which stacks ask for it, in every region of an environment.

    Example: groundplan images tag serve dev sha256:65a9…
    """
    from ci import console
    from ci.changes.markdown import write
    from ci.images.builder import publish

    result = publish(site(environment, home), image, digest, progress=console.terminal_progress())
    lines = (f"- `{result.tag}` in {region}: `{own}`\n" for region, own in result.names.items())
    write(summary, "".join(lines), add=True)
    console.show(result, json, "\n".join([f"{result.tag}: named", *result.names.values()]))


@images.command(short_help="Wait for the scan of an image, and judge it")
def scan(image: Image, environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Wait for the registry's scan of an image; exit 1 where it has grave findings.

    Example: groundplan images scan serve dev
    """
    from ci import console
    from ci.images.registry import scan as scan_image

    result = scan_image(site(environment, home), image)
    rows = sorted(result.findings.items())
    drawn = console.table("severity", "found>", rows=rows) if rows else f"{result.tag}: nothing is found"
    console.show(result, json, drawn)
    result.check()


@images.command(short_help="Ask the registry for today's base")
def base(
    issue: Annotated[
        bool, typer.Option("--issue", help="Open, renew or close the issue that asks for it on GitHub.")
    ] = False,
    repository: Repository = "",
    api: Api = "https://api.github.com",
    token: Token = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Compare what images are built on with what its tag means in the registry today.

    Example: groundplan images base
    """
    from ci import console
    from ci.github import GitHub
    from ci.images.builder import newest_base
    from ci.images.catalogue import BASE, Beneath
    from ci.images.catalogue import base as pinned

    now = pinned(workspace(home))
    result = Beneath(pinned=now, newest=newest_base(now))
    told = f"{BASE} pins {now}"
    told += ", which is today's" if result.current else f"; its tag means today:\n\n    {result.newest}\n"
    if issue:
        body = None if result.current else told
        GitHub(api, repository, token or "").issue("base image", "The images' base was renewed", body)
    console.show(result, json, told)
