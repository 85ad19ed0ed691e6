"""The images without Docker: their files, and the lists of what they install, held to what really runs."""

from importlib import metadata
from pathlib import Path

import pytest

from infra.spec import ClusterSpec
from ml.contract import MODEL_ARCHIVE, MODEL_CHANNEL
from ml.release import archive
from tests.ml.jobs import ROOT, Job
from tests.ml.serving.processes import GOOD, Light, serving

pytestmark = pytest.mark.xdist_group("ml")
IMAGES = ROOT / "ml" / "images"
# As the image's ENTRYPOINT, but that this interpreter must be kept from its own site-packages.
ISOLATED = ("-S", "-m", "ml")


def pins(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("==") for line in lines)


def installed_alone(image: str, folder: Path) -> Path:
    """Link what the image's list installs, and `ml`, into one folder: all that its Python will see."""
    folder.mkdir()
    for name in pins(IMAGES / f"{image}.txt"):
        files = metadata.files(name)
        assert files, f"{name} is not installed here"
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(metadata.distribution(name).locate_file(top))))
    (folder / "ml").symlink_to(ROOT / "ml")
    return folder


@pytest.mark.parametrize("image", ["serve", "train"])
def test_an_image_is_pinned_and_does_not_run_as_root(image: str) -> None:
    lines = (IMAGES / f"{image}.Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM python:3.11-slim-bookworm@${BASE_DIGEST}"]
    assert "ARG BASE_DIGEST" in lines
    assert [line for line in lines if line.startswith("USER")] == ["USER runner"]
    assert 'ENTRYPOINT ["python", "-m", "ml"]' in lines


def test_a_cluster_s_image_is_pinned_has_the_ray_of_the_default_and_does_not_run_as_root() -> None:
    lines = (IMAGES / "ray.Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM python:3.11-slim-bookworm@${BASE_DIGEST}"]
    assert [line for line in lines if line.startswith("USER")] == ["USER runner"]
    of_ray, of_training = (
        {name.lower().replace("_", "-"): version for name, version in pins(IMAGES / f"{image}.txt").items()}
        for image in ("ray", "train")
    )
    assert of_ray["ray"] == ClusterSpec.model_fields["ray_version"].default
    # Both lists are installed, so that training runs on a cluster too.
    assert {name: of_ray[name] for name in of_ray.keys() & of_training.keys()}.items() <= of_training.items()
    locked = {name.lower().replace("_", "-"): version for name, version in pins(ROOT / "requirements.lock").items()}
    assert {name: of_ray[name] for name in of_ray.keys() & locked.keys()}.items() <= locked.items()


@pytest.mark.parametrize("image", ["serve", "train"])
def test_an_image_installs_what_was_tested_here(image: str) -> None:
    locked = {name.lower(): version.partition("+")[0] for name, version in pins(ROOT / "requirements.lock").items()}
    listed = pins(IMAGES / f"{image}.txt")
    assert listed.items() <= {name.replace("_", "-"): version for name, version in locked.items()}.items()


def test_the_server_runs_on_its_image_s_list_alone(light: Light, tmp_path: Path) -> None:
    base, environment = light
    program = installed_alone("serve", tmp_path / "site")
    assert not (program / "torch").exists()
    with serving(base, program=program, launcher=ISOLATED, **environment) as server:
        assert server.client.post("/invocations", json=GOOD).status_code == 200


@pytest.mark.slow
def test_training_and_optimization_run_on_their_image_s_list_alone(reviews: Path, tmp_path: Path) -> None:
    program = installed_alone("train", tmp_path / "site")
    small = {"model": "review_sentiment", "recipe": "debug", "most_examples": 64}
    job = Job(base=tmp_path / "job", program=program).configure(small, reviews)
    assert "warning" not in job.run("train", launcher=ISOLATED).well().said
    channel = job.base / "input" / "data" / MODEL_CHANNEL
    channel.mkdir()
    archive.pack({path.name: path for path in (job.base / "model").iterdir()}, channel / MODEL_ARCHIVE)
    job.run("optimize", launcher=ISOLATED).well()
    assert (job.base / "model" / "model.onnx").exists()
