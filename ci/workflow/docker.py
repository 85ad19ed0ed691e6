"""`python -m ci.workflow.docker ENVIRONMENT HOME WORD…`: stands for Docker in a rehearsed workflow, where no engine is.

A build runs the image's own steps in a folder (ci/images/trial.py) and puts what they made, by its hash, into the
embedded cloud's registry, whose scan finds nothing. What is asked of a public registry is answered as it is pinned.
"""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ci.errors import CommandError
from ci.images.catalogue import base
from ci.images.trial import Trial, attempt
from ci.progress import Progress
from ci.site import Site
from ci.workspace import Workspace

TAGGED = re.compile(r"(?P<account>\d+)\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com/(?P<repository>.+):(?P<tag>.+)")


class _Steps(Progress):
    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def main(environment: str, home: str, *words: str) -> None:
    """Do what ci/images/registry.py asks of Docker; raise `CommandError` for all else."""
    workspace = Workspace(home=Path(home))
    match words:
        case ("buildx", "imagetools", "inspect", _, "--format", "{{.Manifest.Digest}}"):
            print(base(workspace).partition("@")[2])
        case ("buildx", "build", *options):
            _build(Site.reach(environment, workspace), options)
        case ("buildx", "version"):
            print("a rehearsal's own")
        case ("login", "--username", _, "--password-stdin", _):
            sys.stdin.read()
        case _:
            known = "buildx version, buildx build, buildx imagetools inspect and login are"
            fix = f"{known} what a rehearsal's stand-in can do; teach it the rest in ci/workflow/docker.py"
            raise CommandError(thing="docker", value=" ".join(words), rule="is nothing that it knows", fix=fix)


def _build(site: Site, words: Sequence[str]) -> None:
    given = dict(pairwise(words))
    tags = [following for word, following in pairwise(words) if word == "--tag"]
    with TemporaryDirectory(prefix="groundplan-image-") as folder:
        made = attempt(given["--target"], site.workspace, Path(folder), progress=_Steps())
        manifest = _manifest(made)
    digests = {_push(site, tag, manifest) for tag in tags}
    Path(given["--metadata-file"]).write_text(json.dumps({"containerimage.digest": digests.pop()}))


def _manifest(made: Trial) -> str:
    """What was made, as a registry takes it: one layer, by the hash of all its files."""
    whole = hashlib.sha256()
    for path in sorted(path for path in made.root.rglob("*") if path.is_file()):
        whole.update(str(path.relative_to(made.root)).encode() + b"\0" + path.read_bytes())
    kind, digest = "application/vnd.docker", f"sha256:{whole.hexdigest()}"
    layer = {"mediaType": f"{kind}.image.rootfs.diff.tar", "size": made.megabytes * 10**6, "digest": digest}
    config = {"mediaType": f"{kind}.container.image.v1+json", "size": 1, "digest": digest}
    manifest = {"schemaVersion": 2, "mediaType": f"{kind}.distribution.manifest.v2+json", "config": config}
    return json.dumps(manifest | {"layers": [layer]})


def _push(site: Site, name: str, manifest: str) -> str:
    """Register it under a tag; a registry scans what it gets, and this one has no list of what could be found."""
    place = TAGGED.fullmatch(name)
    assert place, f"{name} is in no registry of AWS"
    ecr, tag = site.client("ecr", place["region"]), {"imageTag": place["tag"]}
    put = ecr.put_image(repositoryName=place["repository"], imageManifest=manifest, **tag)["image"]
    ecr.start_image_scan(repositoryName=place["repository"], imageId=tag)
    nothing: dict[str, object] = {
        "repositoryName": place["repository"],
        "imageId": tag | {"imageDigest": put["imageId"]["imageDigest"]},
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findings": [], "findingSeverityCounts": {}},
    }
    body = {"results": [nothing], "region": place["region"], "account_id": place["account"]}
    url = f"{site.endpoint_url}/moto-api/static/ecr/scan-finding-results"
    httpx.post(url, json=body).raise_for_status()
    digest: str = put["imageId"]["imageDigest"]
    return digest


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CommandError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
