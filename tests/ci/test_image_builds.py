"""Images in CI: nothing is built on a tag, a tag is pushed once, a scan is judged, and what is in them is listed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecr.models import ecr_backends

import environments
from ci.cli import run
from ci.errors import CommandError, GateError, MissingToolError, WorkError
from ci.images import builder, catalogue
from ci.images.builder import build, newest_base, publish
from ci.images.contents import bill_of_materials
from ci.images.dockerfile import stages
from ci.images.registry import Repository, Scanned, scan
from ci.images.trial import Trial, attempt
from ci.site import Site
from ci.workflow import docker
from ci.workspace import ROOT, Workspace
from tests.ci.conftest import Tiny

HERE = Workspace()


def test_every_image_is_a_target_on_the_pinned_base_and_runs_as_nobody() -> None:
    found = stages(ROOT / catalogue.DOCKERFILE)
    assert found.keys() >= catalogue.IMAGES.keys()
    roots = {stage.base for stage in found.values() if stage.base not in found}
    assert roots == {"${BASE}", "scratch"}, "nothing is built on anything else"
    assert {f"{name}{catalogue.CONTENTS}" for name in catalogue.IMAGES} <= found.keys()
    assert "scratch" not in {found[name].base for name in catalogue.IMAGES}
    assert "ARG BASE\n" in (ROOT / catalogue.DOCKERFILE).read_text(), "the base has no default"
    for name in catalogue.IMAGES:
        line = [found[name]]
        while line[-1].base in found:
            line.append(found[line[-1].base])
        words = [one.word for stage in line for one in stage.instructions]
        users = [one.text for stage in line for one in stage.instructions if one.word == "USER"]
        assert (users, "RUN" in words) == (["10001:10001"], False), "what runs has run nothing as root"


@pytest.mark.parametrize("line", ["python:3.11-slim-bookworm", "python@sha256:" + "0" * 64, ""])
def test_nothing_is_built_on_a_tag(line: str, tmp_path: Path) -> None:
    (tmp_path / "ml" / "images").mkdir(parents=True)
    (tmp_path / catalogue.BASE).write_text(f"# the base\n{line}\n")
    place = Workspace(root=tmp_path, home=tmp_path)
    with pytest.raises(CommandError, match=r"is not one image:tag@sha256:digest.*groundplan images base"):
        build(Site(environments.load("dev"), place, None), "serve", commit="c")


def test_a_tag_means_one_image_and_its_scan_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with mock_aws():
        site = Site(environments.load("dev"), HERE, None)
        ecr = site.client("ecr")
        with pytest.raises(CommandError, match="repository 'groundplan-dev-ml': us-east-1 does not exist"):
            build(site, "serve", commit="c")
        ecr.create_repository(repositoryName="groundplan-dev-ml")
        with pytest.raises(MissingToolError, match="groundplan images try serve"):
            build(site, "serve", commit="c")
        with pytest.raises(CommandError, match="image 'v1-serve': us-east-1 does not have it; build it first"):
            scan(site, "serve")
        put = ecr.put_image(repositoryName="groundplan-dev-ml", imageManifest=MANIFEST)["image"]
        digest = put["imageId"]["imageDigest"]
        assert publish(site, "serve", digest).names["us-east-1"].endswith(f"/groundplan-dev-ml@{digest}")
        there = build(site, "serve", commit="c")
        assert (there.pushed, there.tag, there.digest) == (False, "v1-serve", digest)
        assert publish(site, "serve", digest).digest == digest, "a second time changes nothing"
        with pytest.raises(CommandError, match=rf"image 'v1-serve': {digest} is there already, not sha256:0"):
            publish(site, "serve", "sha256:0")
        ecr.start_image_scan(repositoryName="groundplan-dev-ml", imageId={"imageTag": "v1-serve"})
        found = scan(site, "serve")
        with pytest.raises(GateError, match=r"image 'v1-serve': .* HIGH are found by its scan"):
            found.check()
    Scanned(image="serve", tag="v1-serve", findings={"LOW": 7}).check()


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:0"},
        "layers": [],
    }
)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"imageScanStatus": {"status": "UNSUPPORTED_IMAGE", "description": "no known system"}}, "no known system"),
        ({"imageScanStatus": {"status": "IN_PROGRESS"}}, "IN_PROGRESS is no finished scan"),
        (None, "ScanNotFoundException is no finished scan"),
        ({"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"findingSeverityCounts": {"LOW": 2}}}, ""),
    ],
)
def test_a_scan_ends_in_findings_or_in_one_line(said: dict[str, Any] | None, rule: str) -> None:
    with mock_aws():
        here = Repository(Site(environments.load("dev"), HERE, None), "us-east-1")
        here.ecr.create_repository(repositoryName=here.name)
        put = here.ecr.put_image(repositoryName=here.name, imageManifest=MANIFEST)["image"]["imageId"]
        if said:
            # moto answers what it was told, once an image is scanned at all.
            here.ecr.start_image_scan(repositoryName=here.name, imageId={"imageDigest": put["imageDigest"]})
            result = {"repositoryName": here.name, "imageId": {"imageDigest": put["imageDigest"]}} | said
            ecr_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].scan_finding_results.append(result)
        if rule:
            with pytest.raises(WorkError, match=rule):
                here.findings(put["imageDigest"], patience_seconds=0)
        else:
            assert here.findings(put["imageDigest"], patience_seconds=0) == {"LOW": 2}


@pytest.fixture
def regions(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The local environment in two regions, a Docker that is a rehearsal's, and images that are made at once."""
    for place in ("made", "made-contents"):
        (tmp_path / place).mkdir()
    (tmp_path / "made" / "file").write_text("what the steps made, which another test runs")
    (tmp_path / "made-contents" / "installed.txt").write_text("torch==2.13.0+cpu\nnvidia-cudnn-cu13==9.1\n")

    def made(target: str, *_: object, **__: object) -> Trial:
        root = tmp_path / ("made-contents" if target.endswith(catalogue.CONTENTS) else "made")
        of: dict[str, object] = {"variables": {}, "entry_point": (), "command": (), "steps": ()}
        return Trial.model_validate({"image": target, "root": root, "megabytes": 1, **of})

    def run_docker(_: str, *words: str, says: str | None = None) -> str:
        if words[0] != "login":
            docker.main("local", str(tiny.workspace.home), *words)
        return ""

    monkeypatch.setattr(docker, "attempt", made)
    monkeypatch.setattr(builder, "_docker", lambda _: "docker")
    monkeypatch.setattr(builder, "_run", run_docker)
    monkeypatch.setenv("BUILDX_BUILDER", str(tmp_path))
    monkeypatch.setenv("REHEARSED_PLATFORMS", "linux/arm64")
    local = Site.reach("local", Workspace(home=tiny.workspace.home))
    (first,) = local.environment.regions
    both = local.environment.model_copy(update={"regions": (first, first.model_copy(update={"name": "eu-west-1"}))})
    site = Site(both, local.workspace, local.endpoint_url)
    repositories = [Repository(site, region) for region in catalogue.repositories(both)]
    for one in repositories:
        one.ecr.create_repository(repositoryName=one.name, imageTagMutability="IMMUTABLE")
    yield site
    for one in repositories:
        one.ecr.delete_repository(repositoryName=one.name, force=True)


@pytest.mark.parametrize("image", ["train", "edge"])
def test_an_image_is_built_once_named_last_and_the_same_in_every_region(image: str, regions: Site) -> None:
    here, there = (Repository(regions, region) for region in ("us-east-1", "eu-west-1"))
    name = catalogue.tag(image, regions.environment)
    built = build(regions, image, commit="c")
    assert (built.pushed, built.installed) == (True, {"torch": "2.13.0+cpu", "nvidia-cudnn-cu13": "9.1"})
    assert (here.digest(name), there.digest(name)) == (None, None), "nobody can ask for what is not signed yet"
    again = build(regions, image, commit="c")
    assert (again.pushed, again.digest) == (True, built.digest), "where a run stopped, the next one builds and signs"
    named = publish(regions, image, built.digest)
    assert {here.digest(name), there.digest(name)} == {built.digest} == {named.digest}
    whole = here.manifest(built.digest)
    assert (len(whole.images) == 2) == (image == "edge")
    assert whole.media_type.startswith("application/vnd.docker.distribution.manifest")
    assert there.manifest(built.digest) == whole
    assert scan(regions, image).findings == {}
    assert not build(regions, image, commit="d").pushed
    there.ecr.delete_repository(repositoryName=there.name, force=True)
    there.ecr.create_repository(repositoryName=there.name)
    publish(regions, image, built.digest)
    assert there.digest(name) == built.digest, "a new region gets what the others have"


def test_regions_that_disagree_are_refused(regions: Site) -> None:
    here, there = (Repository(regions, region) for region in ("us-east-1", "eu-west-1"))
    for place, layer in ((here, "a"), (there, "b")):
        manifest = json.loads(MANIFEST) | {"layers": [{"digest": layer}]}
        place.ecr.put_image(repositoryName=place.name, imageManifest=json.dumps(manifest), imageTag="v1-serve")
    for asked in (lambda: build(regions, "serve", commit="c"), lambda: publish(regions, "serve", "sha256:0")):
        with pytest.raises(CommandError, match=r"image 'v1-serve': us-east-1: sha.*, eu-west-1: sha.* is not the same"):
            asked()


# As it was: what a hosted runner refused, or SageMaker did.
OLD = ("--target", "serve", "--platform", "linux/amd64", "--sbom=true", "--provenance=mode=max", "--push")


def test_a_rehearsal_shows_what_sagemaker_and_ecr_would_say_to_an_index(
    regions: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, file = Repository(regions, "us-east-1"), tmp_path / "built.json"

    def built(*words: str) -> str:
        docker.main("local", str(regions.workspace.home), "buildx", "build", *words, "--metadata-file", str(file), ".")
        digest: str = json.loads(file.read_text())["containerimage.digest"]
        return digest

    old = (*OLD, "--tag", f"{here.url}:v1-serve")
    digest = built(*old)
    assert here.manifest(digest).media_type == "application/vnd.oci.image.index.v1+json"
    with pytest.raises(CommandError, match=r"index\.v1\+json is no manifest that SageMaker takes; build it as"):
        publish(regions, "serve", digest)
    with pytest.raises(WorkError, match="ScanNotFoundException is no finished scan"):
        here.findings(digest, patience_seconds=0)
    unsaid = (*OLD[:4], "--output", f"type=image,name={here.url},push=true,push-by-digest=true")
    assert here.manifest(built(*unsaid)).media_type.endswith("index.v1+json"), "a builder says where from by itself"
    assert here.manifest(built(*unsaid, "--provenance=false")).media_type.endswith("oci.image.manifest.v1+json")
    several = ("--target", "edge", "--platform", "linux/amd64,linux/arm64", "--provenance=false", *unsaid[4:])
    monkeypatch.delenv("REHEARSED_PLATFORMS")
    with pytest.raises(WorkError, match=r"linux/arm64 exec format error.*docker/setup-qemu-action"):
        built(*several)
    monkeypatch.delenv("BUILDX_BUILDER")
    for what, words in (("Attestation", old), ("Multi-platform build", several), ("push-by-digest", unsaid)):
        with pytest.raises(WorkError, match=rf"{what} is not supported for the docker driver; .*setup-buildx-action"):
            built(*words)


def test_a_rehearsal_s_docker_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    def ended(*words: str) -> tuple[int, str, str]:
        command = (sys.executable, "-m", "ci.workflow.docker", "local", str(tmp_path), *words)
        done = subprocess.run(command, cwd=ROOT, input="password", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert ended("login", "--username", "AWS", "--password-stdin", "here") == (0, "", "")
    asked = ("buildx", "imagetools", "inspect", "python:3", "--format", "{{.Manifest.Digest}}")
    assert ended(*asked) == (0, catalogue.base(HERE).partition("@")[2] + "\n", "")
    for unknown in (("push", "here/image:1"), ("buildx", "bake"), ("login",), ()):
        code, _, said = ended(*unknown)
        assert code == 2
        assert f"docker: {' '.join(unknown)} is nothing that it knows; buildx version, buildx build" in said


def test_an_image_s_contents_are_listed_with_its_base(tmp_path: Path) -> None:
    bill = json.loads(bill_of_materials("ray", HERE, version="abc"))
    assert (bill["specVersion"], bill["metadata"]["component"]["version"]) == ("1.6", "abc")
    kinds = {component["purl"]: component["type"] for component in bill["components"]}
    assert {"pkg:pypi/torch@2.13.0", "pkg:pypi/ray@2.60.0"} <= kinds.keys()
    (beneath,) = [purl for purl, kind in kinds.items() if kind == "container"]
    assert catalogue.base(HERE).partition("@")[2] in beneath
    assert len(kinds) == 1 + len(catalogue.pins("ray", HERE))
    # Without it GitHub's action takes it for no bill of materials.
    assert bill["serialNumber"]
    built = json.loads(bill_of_materials("ray", HERE, version="abc", installed={"nvidia-cudnn-cu13": "9.1"}))
    assert "pkg:pypi/nvidia-cudnn-cu13@9.1" in {component["purl"] for component in built["components"]}
    file = tmp_path / "sbom.json"
    assert run(["images", "sbom", "serve", "--output", str(file)]) == 0
    assert json.loads(file.read_text())["bomFormat"] == "CycloneDX"


STAGES = "FROM base AS train\nRUN mkdir /opt && echo a > /opt/file\nFROM train AS ray\nRUN echo b > /opt/file\n"


def test_a_tried_stage_leaves_the_one_below_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "ml" / "images").mkdir(parents=True)
    (tmp_path / catalogue.DOCKERFILE).write_text(STAGES)
    attempt("ray", Workspace(root=tmp_path, home=tmp_path), tmp_path / "stages")
    assert [(tmp_path / "stages" / name / "opt" / "file").read_text() for name in ("train", "ray")] == ["a\n", "b\n"]


@pytest.mark.parametrize("words", [("sbom", "serv"), ("build", "serv", "dev"), ("try", "serv")])
def test_an_image_that_is_none_is_named(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["images", *words]) == 2
    assert "did you mean 'serve'" in capsys.readouterr().err


def test_nothing_is_removed_by_the_name_of_what_is_no_image(tmp_path: Path) -> None:
    (kept := tmp_path / "kept").write_text("")
    assert run(["images", "try", "../..", "--home", str(tmp_path / "home")]) == 2
    assert kept.exists()


def test_a_docker_that_cannot_build_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 125\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="docker: no plug-in `buildx` is in it; run it where Docker is"):
        newest_base(catalogue.base(HERE))
