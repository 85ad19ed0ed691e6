"""`python -m ci.workflow.docker ENVIRONMENT HOME WORD…`: stands for Docker in a rehearsed workflow, where no engine is.

A build runs the image's own steps in a folder (ci/images/trial.py) and puts what they made, by its hash, into the
embedded cloud's registry, in the manifests that buildx would push for the same words; the registry scans images, not
indexes, and finds nothing. What is asked of a public registry is answered as it is pinned.
"""

import csv
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from ci.child_environment import child_environment
from ci.errors import CommandError, WorkError
from ci.images.catalogue import base
from ci.images.trial import Trial, attempt
from ci.progress import Progress
from ci.site import Site
from ci.workspace import Workspace

_PLACE = re.compile(
    r"(?P<account>\d+)\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com/(?P<repository>[^:@]+)[:@]?(?P<rest>.*)"
)
# Manifest, index, configuration, layer.
_DOCKER = tuple(
    f"application/vnd.docker.{kind}"
    for kind in (
        *("distribution.manifest.v2+json", "distribution.manifest.list.v2+json"),
        *("container.image.v1+json", "image.rootfs.diff.tar.gzip"),
    )
)
_OCI = tuple(
    f"application/vnd.oci.image.{kind}"
    for kind in ("manifest.v1+json", "index.v1+json", "config.v1+json", "layer.v1.tar+gzip")
)


class _Steps(Progress):
    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Asked:
    """A `buildx build` by its words, and what buildx makes of them where they do not say it."""

    words: Sequence[str]

    def value(self, option: str, otherwise: str = "") -> str:
        """Return what follows an option, or stands behind its `=`."""
        by_equals = (word.partition("=")[2] for word in self.words if word.startswith(f"{option}="))
        return dict(pairwise(self.words)).get(option) or next(by_equals, otherwise)

    @cached_property
    def output(self) -> dict[str, str]:
        """Where the result goes; `--push` is short for an image that is pushed."""
        (fields,) = csv.reader([self.value("--output", "type=image")])
        pushed = {"push": "true"} if "--push" in self.words else {}
        return dict(word.split("=", 1) for word in fields) | pushed

    @property
    def platforms(self) -> list[str]:
        """What it is built for."""
        return self.value("--platform", "linux/amd64").split(",")

    @property
    def attested(self) -> bool:
        """Whether something is said of the image beside it. A builder of its own says where from, unless forbidden."""
        return self.value("--provenance", "true") != "false" or self.value("--sbom", "false") != "false"

    def check(self, builder: str, platforms: Sequence[str]) -> None:
        """Refuse what Docker refuses without a builder of its own, or without the programs of other machines."""
        asked_for_proofs = any(self.value(option, "false") != "false" for option in ("--provenance", "--sbom"))
        beyond = {
            "Attestation": asked_for_proofs,
            "Multi-platform build": len(self.platforms) > 1,
            "push-by-digest": self.output.get("push-by-digest") == "true",
        }
        for what in (what for what, asked in beyond.items() if asked and not builder):
            rule, fix = "is not supported for the docker driver", "set up another: docker/setup-buildx-action"
            raise WorkError(thing="docker buildx build", value=what, rule=rule, fix=fix)
        for foreign in set(self.platforms) - {"linux/amd64", *platforms}:
            rule, fix = "exec format error: nothing here runs its programs", "set it up: docker/setup-qemu-action"
            raise WorkError(thing="docker buildx build", value=foreign, rule=rule, fix=fix)


def main(environment: str, home: str, *words: str) -> None:
    """Do what ci/images/builder.py asks of Docker; raise `CommandError` for all else."""
    workspace = Workspace(home=Path(home))
    match words:
        case ("buildx", "imagetools", "inspect", _, "--format", "{{.Manifest.Digest}}"):
            print(base(workspace).partition("@")[2])
        case ("buildx", "imagetools", "create", "--prefer-index=false", "--tag", target, source):
            _copy(Site.reach(environment, workspace), source, target)
        case ("buildx", "build", *options):
            asked, given = Asked(options), child_environment()
            builder = given.get("BUILDX_BUILDER", "")
            asked.check(builder, given.get("REHEARSED_PLATFORMS", "").split(","))
            with TemporaryDirectory(prefix="groundplan-image-") as own:
                _build(Site.reach(environment, workspace), asked, Path(builder or own))
        case ("buildx", "version"):
            print("a rehearsal's own")
        case ("login", "--username", _, "--password-stdin", _):
            sys.stdin.read()
        case _:
            known = "buildx version, buildx build, buildx imagetools inspect, buildx imagetools create and login are"
            fix = f"{known} what a rehearsal's stand-in can do; teach it the rest in ci/workflow/docker.py"
            raise CommandError(thing="docker", value=" ".join(words), rule="is nothing that it knows", fix=fix)


def _build(site: Site, asked: Asked, folder: Path) -> None:
    made = attempt(asked.value("--target"), site.workspace, folder, progress=_Steps())
    if "dest" in asked.output:
        shutil.copytree(made.root, asked.output["dest"])
        return
    top, *children = _manifests(made, asked)
    tags = [following for word, following in pairwise(asked.words) if word == "--tag"]
    for name in (tags or [asked.output["name"]]) if asked.output.get("push") == "true" else []:
        place = _place(name)
        for child in children:
            _put(site, place, child)
        _put(site, place, top, "" if asked.output.get("push-by-digest") == "true" else place["rest"])
    Path(asked.value("--metadata-file")).write_text(json.dumps({"containerimage.digest": _digest(top)}))


def _manifests(made: Trial, asked: Asked) -> list[str]:
    """What was made, as a registry takes it: one image of one layer, or an index with one for each platform.

    What is said of an image makes an index too, and has no place but in the open format's.
    """
    plain = asked.output.get("oci-mediatypes") == "false" and not asked.attested
    manifest, index, config, layer = _DOCKER if plain else _OCI
    whole = hashlib.sha256()
    for path in sorted(path for path in made.root.rglob("*") if path.is_file()):
        whole.update(str(path.relative_to(made.root)).encode() + b"\0" + path.read_bytes())
    said = [f"unknown/{platform}" for platform in asked.platforms if asked.attested]
    images: dict[str, str] = {}
    for platform in (*asked.platforms, *said):
        files = {"mediaType": layer, "size": made.megabytes * 10**6, "digest": f"sha256:{whole.hexdigest()}"}
        of = {"mediaType": config, "size": 1, "digest": _digest(f"{platform} {whole.hexdigest()}")}
        images[platform] = json.dumps({"schemaVersion": 2, "mediaType": manifest, "config": of, "layers": [files]})
    if len(images) == 1:
        return list(images.values())
    children = [
        {"mediaType": manifest, "digest": _digest(text), "size": len(text), "platform": _platform(platform)}
        for platform, text in images.items()
    ]
    return [json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": children}), *images.values()]


def _platform(platform: str) -> dict[str, str]:
    system, _, architecture = platform.partition("/")
    return {"os": system, "architecture": "unknown" if system == "unknown" else architecture}


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _place(name: str) -> re.Match[str]:
    found = _PLACE.fullmatch(name)
    assert found, f"{name} is in no registry of AWS"
    return found


def _copy(site: Site, source: str, target: str) -> None:
    """Copy a digest, and all that it names, from one repository to another."""
    place = _place(target)
    text = _text(site, _place(source), _place(source)["rest"])
    for child in json.loads(text).get("manifests", []):
        _put(site, place, _text(site, _place(source), child["digest"]))
    _put(site, place, text, place["rest"])


def _text(site: Site, place: re.Match[str], digest: str) -> str:
    ecr = site.client("ecr", place["region"])
    (found,) = ecr.batch_get_image(repositoryName=place["repository"], imageIds=[{"imageDigest": digest}])["images"]
    return str(found["imageManifest"])


def _put(site: Site, place: re.Match[str], manifest: str, tag: str = "") -> None:
    """Register a manifest; a registry scans the images that it gets, and this one knows of nothing to be found."""
    ecr, where, digest = site.client("ecr", place["region"]), {"repositoryName": place["repository"]}, _digest(manifest)
    here = ecr.batch_get_image(**where, imageIds=[{"imageDigest": digest}])["images"]
    if tag or not here:
        ecr.put_image(**where, imageManifest=manifest, imageDigest=digest, **({"imageTag": tag} if tag else {}))
    if here or "manifests" in json.loads(manifest):
        return
    ecr.start_image_scan(**where, imageId={"imageDigest": digest})
    nothing: dict[str, Any] = where | {
        # By its digest alone: to moto, what has no tag is like all else that has none.
        "imageId": {"imageDigest": digest, "imageTag": "-"},
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findings": [], "findingSeverityCounts": {}},
    }
    body = {"results": [nothing], "region": place["region"], "account_id": place["account"]}
    httpx.post(f"{site.endpoint_url}/moto-api/static/ecr/scan-finding-results", json=body).raise_for_status()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CommandError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
