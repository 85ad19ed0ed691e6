"""Builds an image for the registries of an environment, once for each tag, and reads what their scan finds in it."""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ci.child_environment import child_environment
from ci.errors import CommandError, GateError, MissingToolError, WorkError
from ci.images.catalogue import BASE, DOCKERFILE, base, repositories, tag
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

# What a scan must not find.
REFUSED = ("CRITICAL", "HIGH")


class Built(Result):
    """An image in an environment's registries, the same in every region; `pushed` is False where it was there."""

    image: str
    tag: str
    digest: str
    # Region → where it is pulled from, by its digest.
    names: dict[str, str]
    pushed: bool


class Scanned(Result):
    """How many findings of each severity the registry's scan has."""

    image: str
    tag: str
    findings: dict[str, int]

    def check(self) -> None:
        """Raise `GateError` where there are grave ones."""
        grave = {severity: count for severity in REFUSED if (count := self.findings.get(severity))}
        if grave:
            value = ", ".join(f"{count} {severity}" for severity, count in grave.items())
            fix = f"renew {BASE} or the list that pins what was found, raise image_tag, and build again"
            raise GateError(thing=f"image {self.tag!r}", value=value, rule="are found by its scan", fix=fix)


def build(site: Site, image: str, *, commit: str, progress: Progress = QUIET) -> Built:
    """Build an image and push it to each region's repository, with its bill of materials and how it was built.

    A tag means one image for ever: what is there is left as it is. Raises `CommandError` where the base is not pinned,
    `MissingToolError` where there is no Docker, `WorkError` where it fails.
    """
    beneath, name = base(site.workspace), tag(image, site.environment)
    there = {region: digest for region in repositories(site.environment) if (digest := _digest(site, region, name))}
    missing = repositories(site.environment).keys() - there.keys()
    if not missing:
        return _built(site, image, next(iter(there.values())), pushed=False)
    docker = _docker("build it in the workflow `images`, or try its steps here: groundplan images try " + image)
    urls = [_log_in(docker, site, region) for region in sorted(missing)]
    progress.say(f"Building {image} on {beneath}")
    with TemporaryDirectory(prefix="groundplan-") as folder:
        file = Path(folder) / "built.json"
        arguments = {"BASE": beneath, "GIT_COMMIT": commit}
        _run(docker, "buildx", "build", *_options(image, arguments), *_tags(urls, name), "--metadata-file", str(file))
        digest = json.loads(file.read_text())["containerimage.digest"]
    return _built(site, image, digest, pushed=True)


def scan(site: Site, image: str) -> Scanned:
    """Wait for the registry's scan of an image and count what it found."""
    ecr, name = _ecr(site, site.home_region.name), tag(image, site.environment)
    asked = {
        "repositoryName": repositories(site.environment)[site.home_region.name],
        "imageId": {"imageTag": name},
    }
    ecr.get_waiter("image_scan_complete").wait(**asked)  # type: ignore[arg-type]
    found = ecr.describe_image_scan_findings(**asked)["imageScanFindings"]  # type: ignore[arg-type]
    return Scanned(image=image, tag=name, findings=dict(found.get("findingSeverityCounts", {})))


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


def _options(image: str, arguments: Mapping[str, str]) -> list[str]:
    platform = "linux/amd64,linux/arm64" if image == "edge" else "linux/amd64"
    given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    proofs = ("--sbom=true", "--provenance=mode=max", "--push")
    return ["--file", DOCKERFILE, "--target", image, "--platform", platform, *given, *proofs]


def _tags(urls: list[str], name: str) -> list[str]:
    return [*(word for url in urls for word in ("--tag", f"{url}:{name}")), "."]


def _ecr(site: Site, region: str) -> "ECRClient":
    client: ECRClient = site.client("ecr", region)
    return client


def _digest(site: Site, region: str, name: str) -> str | None:
    """The digest of a tag in a region's repository; raise where the environment has no repository there yet."""
    ecr, repository = _ecr(site, region), repositories(site.environment)[region]
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": name}])["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        return None
    except ecr.exceptions.RepositoryNotFoundException:
        fix = f"deploy it first: groundplan deploy {site.name}"
        raise CommandError(thing=f"repository {repository!r}", value=region, rule="does not exist", fix=fix) from None
    return found[0]["imageDigest"]


def _url(site: Site, region: str) -> str:
    repository = repositories(site.environment)[region]
    return f"{site.environment.account_id}.dkr.ecr.{region}.amazonaws.com/{repository}"


def _log_in(docker: str, site: Site, region: str) -> str:
    given = _ecr(site, region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(given).decode().partition(":")
    url = _url(site, region)
    _run(docker, "login", "--username", user, "--password-stdin", url.partition("/")[0], says=password)
    return url


def _built(site: Site, image: str, digest: str, *, pushed: bool) -> Built:
    names = {region: f"{_url(site, region)}@{digest}" for region in repositories(site.environment)}
    return Built(image=image, tag=tag(image, site.environment), digest=digest, names=names, pushed=pushed)


def _run(*command: str, says: str | None = None) -> str:
    done = subprocess.run(command, input=says, stdout=subprocess.PIPE, env=child_environment(), text=True, check=False)
    if done.returncode:
        value, fix = " ".join(command[1:3]), "see above for what it says"
        raise WorkError(thing="docker", value=value, rule=f"exits {done.returncode}", fix=fix)
    return done.stdout
