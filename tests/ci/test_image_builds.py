"""Images in CI: nothing is built on a tag, a tag is pushed once, a scan is judged, and what is in them is listed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from moto import mock_aws

import environments
from ci.cli import run
from ci.errors import CommandError, GateError, MissingToolError
from ci.images import catalogue
from ci.images.contents import bill_of_materials
from ci.images.dockerfile import stages
from ci.images.registry import Scanned, build, newest_base, scan
from ci.images.trial import Trial
from ci.site import Site
from ci.workflow import docker
from ci.workspace import ROOT, Workspace
from tests.ci.conftest import Tiny

HERE = Workspace()


def test_every_image_is_a_target_on_the_pinned_base_and_runs_as_nobody() -> None:
    found = stages(ROOT / catalogue.DOCKERFILE)
    assert found.keys() >= catalogue.IMAGES.keys()
    roots = {stage.base for stage in found.values() if stage.base not in found}
    assert roots == {"${BASE}"}, "nothing is built on anything else"
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


def test_a_tag_is_pushed_once_and_its_scan_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    dev = environments.load("dev")
    with mock_aws():
        site = Site(dev, HERE, None)
        ecr = site.client("ecr")
        with pytest.raises(CommandError, match="repository 'groundplan-dev-ml': us-east-1 does not exist"):
            build(site, "serve", commit="c")
        ecr.create_repository(repositoryName="groundplan-dev-ml")
        with pytest.raises(MissingToolError, match="groundplan images try serve"):
            build(site, "serve", commit="c")
        put = ecr.put_image(repositoryName="groundplan-dev-ml", imageManifest=MANIFEST, imageTag="v1-serve")["image"]
        there = build(site, "serve", commit="c")
        assert (there.pushed, there.tag, there.digest) == (False, "v1-serve", put["imageId"]["imageDigest"])
        assert there.names["us-east-1"].endswith(f"/groundplan-dev-ml@{there.digest}")
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


def test_a_rehearsal_s_docker_fills_the_registry_that_builds_and_scans_look_at(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file").write_text("what the steps made, which another test runs")
    of: dict[str, object] = {"variables": {}, "entry_point": (), "command": (), "steps": ()}
    made = Trial.model_validate({"image": "serve", "root": tmp_path / "made", "megabytes": 1, **of})
    monkeypatch.setattr(docker, "attempt", lambda image, *_, **__: made if image == "serve" else None)
    site, file = Site.reach("local", Workspace(home=tiny.workspace.home)), tmp_path / "built.json"
    ecr, name = site.client("ecr"), "groundplan-local-ml"
    ecr.create_repository(repositoryName=name)
    tag = f"{site.environment.account_id}.dkr.ecr.us-east-1.amazonaws.com/{name}:v1-serve"
    words = ("buildx", "build", "--target", "serve", "--tag", tag, "--metadata-file", str(file))
    docker.main("local", str(site.workspace.home), *words)
    found = build(site, "serve", commit="c")
    assert (found.pushed, found.digest) == (False, json.loads(file.read_text())["containerimage.digest"])
    assert scan(site, "serve").findings == {}
    ecr.delete_repository(repositoryName=name, force=True)


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
    file = tmp_path / "sbom.json"
    assert run(["images", "sbom", "serve", "--output", str(file)]) == 0
    assert json.loads(file.read_text())["bomFormat"] == "CycloneDX"


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
