"""An environment's images in its registries: which digest a tag has in each region, and what their scan finds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci.errors import CommandError, GateError, WorkError
from ci.images.catalogue import BASE, repositories, tag
from ci.result import Result
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

# What a scan must not find.
REFUSED = ("CRITICAL", "HIGH")
# Docker's own manifest of one image: the only one that SageMaker takes for a model.
# https://github.com/aws/amazon-sagemaker-feedback/issues/180
PLAIN = "application/vnd.docker.distribution.manifest.v2+json"
_POLL_SECONDS, _PATIENCE_SECONDS = 5, 900
# Of the basic scan and of Inspector's, which goes on for as long as an image is watched.
_SCANNED, _SCANNING = ("COMPLETE", "ACTIVE"), ("IN_PROGRESS", "PENDING")


class Scanned(Result):
    """How many findings of each severity the registry's scan has, in all the images that a tag stands for."""

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


@dataclass(frozen=True)
class Manifest:
    """What a digest stands for: one image, or an index of several."""

    text: str
    media_type: str
    digest: str

    @property
    def images(self) -> tuple[str, ...]:
        """The digests of the images themselves: of an index its children, less what is said of them."""
        known = json.loads(self.text).get("manifests")
        if known is None:
            return (self.digest,)
        return tuple(one["digest"] for one in known if one.get("platform", {}).get("os") != "unknown")


@dataclass(frozen=True)
class Repository:
    """Where an environment's images lie in a region."""

    site: Site
    region: str

    @property
    def name(self) -> str:
        """As ECR knows it."""
        return repositories(self.site.environment)[self.region]

    @property
    def url(self) -> str:
        """Where it is pulled from, without a tag."""
        return f"{self.site.environment.account_id}.dkr.ecr.{self.region}.amazonaws.com/{self.name}"

    @property
    def ecr(self) -> "ECRClient":
        """The region's registry."""
        client: ECRClient = self.site.client("ecr", self.region)
        return client

    def digest(self, name: str) -> str | None:
        """Return a tag's digest; raise where the environment has no repository here yet."""
        try:
            found = self.ecr.describe_images(repositoryName=self.name, imageIds=[{"imageTag": name}])["imageDetails"]
        except self.ecr.exceptions.ImageNotFoundException:
            return None
        except self.ecr.exceptions.RepositoryNotFoundException:
            fix = f"deploy it first: groundplan deploy {self.site.name}"
            thing = f"repository {self.name!r}"
            raise CommandError(thing=thing, value=self.region, rule="does not exist", fix=fix) from None
        return found[0]["imageDigest"]

    def manifest(self, digest: str) -> Manifest:
        """Return what a digest stands for; raise where it is not here."""
        found = self.ecr.batch_get_image(repositoryName=self.name, imageIds=[{"imageDigest": digest}])["images"]
        if not found:
            fix = "build it first: groundplan images build IMAGE " + self.site.name
            raise CommandError(thing=f"digest {digest!r}", value=self.url, rule="does not have it", fix=fix)
        text = found[0]["imageManifest"]
        return Manifest(text, json.loads(text)["mediaType"], digest)

    def give(self, name: str, manifest: Manifest) -> None:
        """Let a tag mean what is here by its digest. Tags here are immutable: there is no second time."""
        self.ecr.put_image(
            repositoryName=self.name,
            imageManifest=manifest.text,
            imageManifestMediaType=manifest.media_type,
            imageDigest=manifest.digest,
            imageTag=name,
        )

    def findings(self, digest: str, *, patience_seconds: float) -> Mapping[str, int]:
        """Wait for the scan of one image; return how many findings of each severity it has."""
        asked: Any = {"repositoryName": self.name, "imageId": {"imageDigest": digest}}
        last = _waited(self.ecr, asked, patience_seconds)
        status = last.get("imageScanStatus", {})
        if status.get("status") in _SCANNED:
            return dict(last["imageScanFindings"].get("findingSeverityCounts", {}))
        why = status.get("description") or last.get("Error", {}).get("Message") or "it says no more"
        raise WorkError(
            thing=f"scan of {self.url}@{digest}",
            value=status.get("status") or last.get("Error", {}).get("Code") or "no answer",
            rule="is no finished scan",
            fix=f"see why in ECR's console, mend it and ask again: groundplan images scan; the registry says: {why}",
        )


def tagged(site: Site, name: str) -> dict[str, str]:
    """Return the digest of a tag in each region that has it; raise where they are not the same."""
    asked = {region: Repository(site, region).digest(name) for region in repositories(site.environment)}
    there = {region: digest for region, digest in asked.items() if digest}
    if len(set(there.values())) > 1:
        raise CommandError(
            thing=f"image {name!r}",
            value=", ".join(f"{region}: {digest}" for region, digest in there.items()),
            rule="is not the same image in every region",
            fix="raise image_tag of the environment and build again",
        )
    return there


def scan(site: Site, image: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> Scanned:
    """Wait for the registry's scan of an image, of each platform's where it is for several, and count what it found."""
    home, name = Repository(site, site.home_region.name), tag(image, site.environment)
    digest = home.digest(name)
    if digest is None:
        fix = f"build it first: groundplan images build {image} {site.name}"
        raise CommandError(thing=f"image {name!r}", value=home.region, rule="does not have it", fix=fix)
    counts: dict[str, int] = {}
    # An index itself is never scanned: https://github.com/aws/containers-roadmap/issues/1683
    for one in home.manifest(digest).images:
        for severity, count in home.findings(one, patience_seconds=patience_seconds).items():
            counts[severity] = counts.get(severity, 0) + count
    return Scanned(image=image, tag=name, findings=counts)


def _waited(ecr: "ECRClient", asked: Any, patience_seconds: float) -> dict[str, Any]:
    """What the registry says of a scan that has ended, or last.

    botocore's own waiter knows neither Inspector's states nor a scan that has not begun.
    """
    from botocore.exceptions import WaiterError
    from botocore.waiter import WaiterModel, create_waiter_with_client

    goes_on = {"matcher": "path", "argument": "imageScanStatus.status", "state": "retry"}
    polling: dict[str, Any] = {
        "operation": "DescribeImageScanFindings",
        "delay": _POLL_SECONDS,
        "maxAttempts": max(1, round(patience_seconds / _POLL_SECONDS)),
        "acceptors": [
            {"matcher": "error", "expected": "ScanNotFoundException", "state": "retry"},
            *(goes_on | {"expected": one} for one in _SCANNING),
            {"matcher": "status", "expected": 200, "state": "success"},
        ],
    }
    waiter = create_waiter_with_client("scan", WaiterModel({"version": 2, "waiters": {"scan": polling}}), ecr)
    try:
        waiter.wait(**asked)
    except WaiterError as error:
        return dict(error.last_response)
    return dict(ecr.describe_image_scan_findings(**asked))
