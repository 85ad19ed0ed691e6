"""Builds an image for the registries of an environment by Docker, and gives it its tag there in every region.

A build is pushed by its digest alone. Its tag, by which stacks ask for it, comes last, after it was signed: what has
the tag is signed, and a run that stops halfway leaves what nobody asks for, which the registry lets expire.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from ci.child_environment import child_environment
from ci.errors import CommandError, MissingToolError, WorkError
from ci.images.catalogue import CONTENTS, DOCKERFILE, base, listed, platforms, repositories, tag
from ci.images.registry import PLAIN, Repository, tagged
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site


class Built(Result):
    """An image in an environment's registries, the same in every region; `pushed` is False where its tag was there."""

    image: str
    tag: str
    digest: str
    # Region → where it is pulled from, by its digest.
    names: dict[str, str]
    pushed: bool
    # Distribution → version, of what was built just now.
    installed: dict[str, str] = Field(default_factory=dict)


def build(site: Site, image: str, *, commit: str, progress: Progress = QUIET) -> Built:
    """Build an image and push it, by its digest, to the first region's repository.

    A tag means one image for ever: where any region has it, nothing is built. Raises `CommandError` where the base is
    not pinned or regions disagree, `MissingToolError` where there is no Docker, `WorkError` where it fails.
    """
    beneath, name = base(site.workspace), tag(image, site.environment)
    if there := tagged(site, name):
        return _built(site, image, next(iter(there.values())), tuple(repositories(site.environment)))
    docker = _docker("build it in the workflow `images`, or try its steps here: groundplan images try " + image)
    home = Repository(site, site.home_region.name)
    _log_in(docker, home)
    progress.say(f"Building {image} on {beneath}")
    arguments = _arguments({"BASE": beneath, "GIT_COMMIT": commit})
    with TemporaryDirectory(prefix="groundplan-") as folder:
        file, contents = Path(folder) / "built.json", Path(folder) / "contents"
        for_all = ("--platform", ",".join(platforms(image)), "--metadata-file", str(file))
        _build(docker, image, *arguments, *for_all, "--output", _pushed_to(home))
        _build(docker, image + CONTENTS, *arguments, "--output", f"type=local,dest={contents}")
        digest = json.loads(file.read_text())["containerimage.digest"]
        installed = listed((contents / "installed.txt").read_text())
    return _built(site, image, digest, (home.region,), installed)


def publish(site: Site, image: str, digest: str, *, progress: Progress = QUIET) -> Built:
    """Let an image's tag mean `digest` in every region; where one does not have it yet, copy it there.

    Raises `CommandError` where the tag means another image, or this one is nothing that SageMaker would take.
    """
    name = tag(image, site.environment)
    there = tagged(site, name)
    if there and digest not in there.values():
        value, fix = next(iter(there.values())), "raise image_tag of the environment and build again"
        raise CommandError(thing=f"image {name!r}", value=value, rule=f"is there already, not {digest}", fix=fix)
    source = Repository(site, next(iter(there), site.home_region.name))
    manifest = source.manifest(digest)
    if len(platforms(image)) == 1 and manifest.media_type != PLAIN:
        fix = "build it as `groundplan images build` does: for one platform, with neither provenance nor SBOM inside"
        raise CommandError(
            thing=f"image {name!r}", value=manifest.media_type, rule="is no manifest that SageMaker takes", fix=fix
        )
    if not there:
        source.give(name, manifest)
    missing = [region for region in repositories(site.environment) if region not in {source.region, *there}]
    if missing:
        docker = _docker("run it where Docker is, which copies images from region to region")
        _log_in(docker, source)
    for region in missing:
        progress.say(f"Copying {name} from {source.region} to {region}")
        target = Repository(site, region)
        _log_in(docker, target)
        # Else what is one manifest would become an index of one.
        words = ("imagetools", "create", "--prefer-index=false", "--tag", f"{target.url}:{name}")
        _run(docker, "buildx", *words, f"{source.url}@{digest}")
    tagged(site, name)
    return _built(site, image, digest, tuple(repositories(site.environment)))


def newest_base(workspace_base: str) -> str:
    """Return the base with the digest that its tag has in the registry today."""
    name = workspace_base.partition("@")[0]
    digest = _run(
        _docker("run it where Docker is"), "buildx", "imagetools", "inspect", name, "--format", "{{.Manifest.Digest}}"
    ).strip()
    return f"{name}@{digest}"


def _docker(otherwise: str) -> str:
    """Return where Docker is; raise with what to do `otherwise` where it, or what it builds with, is not."""
    docker = shutil.which("docker")
    if docker is None:
        raise MissingToolError(thing="docker", value="no program of that name", rule="is on PATH", fix=otherwise)
    if subprocess.run([docker, "buildx", "version"], capture_output=True, check=False).returncode:
        raise MissingToolError(thing="docker", value="no plug-in `buildx`", rule="is in it", fix=otherwise)
    return docker


def _arguments(given: Mapping[str, str]) -> list[str]:
    return [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]


def _build(docker: str, target: str, *options: str) -> None:
    # What Docker would attach makes an index of an image: SageMaker refuses that, and ECR scans none.
    proofs = ("--provenance=false", "--sbom=false")
    _run(docker, "buildx", "build", "--file", DOCKERFILE, "--target", target, *proofs, *options, ".")


def _pushed_to(repository: Repository) -> str:
    """By its digest, and in Docker's own media types, since SageMaker takes no others."""
    return f"type=image,name={repository.url},push=true,push-by-digest=true,oci-mediatypes=false"


def _log_in(docker: str, repository: Repository) -> None:
    given = repository.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(given).decode().partition(":")
    host = repository.url.partition("/")[0]
    _run(docker, "login", "--username", user, "--password-stdin", host, says=password)


def _built(
    site: Site, image: str, digest: str, regions: tuple[str, ...], installed: Mapping[str, str] | None = None
) -> Built:
    return Built(
        image=image,
        tag=tag(image, site.environment),
        digest=digest,
        names={region: f"{Repository(site, region).url}@{digest}" for region in regions},
        pushed=installed is not None,
        installed=dict(installed or {}),
    )


def _run(*command: str, says: str | None = None) -> str:
    done = subprocess.run(command, input=says, stdout=subprocess.PIPE, env=child_environment(), text=True, check=False)
    if done.returncode:
        value, fix = " ".join(command[1:3]), "see above for what it says"
        raise WorkError(thing="docker", value=value, rule=f"exits {done.returncode}", fix=fix)
    return done.stdout
