"""The lists of what images install, held to what really runs; and their steps, tried here."""

import shutil
from collections.abc import Set
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from ci.errors import WorkError
from ci.images import catalogue
from ci.images.trial import attempt
from ci.workspace import Workspace
from infra.spec import ClusterSpec
from ml.contract import MODEL_ARCHIVE, MODEL_CHANNEL
from ml.release import archive
from tests.ml.jobs import ROOT, Job
from tests.ml.serving.processes import GOOD, Light, answers, reserved_port, wait_for

pytestmark = pytest.mark.xdist_group("ml")
IMAGES = ROOT / "ml" / "images"
OF_TORCH = {
    *("filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "setuptools", "sympy", "torch"),
    "typing-extensions",
}
OF_RAY = {
    *("attrs", "certifi", "charset-normalizer", "click", "filelock", "idna", "jsonschema", "jsonschema-specifications"),
    *("msgpack", "packaging", "protobuf", "pyyaml", "ray", "referencing", "requests", "rpds-py", "typing_extensions"),
    "urllib3",
}
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


def test_a_cluster_s_image_has_the_ray_of_the_default() -> None:
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


@pytest.mark.slow
def test_an_image_s_steps_make_what_answers_and_writes_nothing_on_a_read_only_root(
    light: Light, tmp_path: Path
) -> None:
    """The steps of `edge` are those of `serve` and more."""
    made = attempt("edge", Workspace(), tmp_path / "stages")
    assert [step.stage for step in made.steps] == ["program", "serve-site"]
    contents = attempt("edge-contents", Workspace(), tmp_path / "stages")
    assert contents.steps == (), "what was made there before is not made again"
    assert catalogue.listed((contents.root / "installed.txt").read_text()) == catalogue.pins("serve", Workspace())
    assert not list(made.root.glob("opt/venv/lib/*/site-packages/torch"))
    base, variables = light
    shutil.copytree(base / "model", made.root / "opt" / "ml" / "model")
    place = {"SAGEMAKER_BASE_DIR": str(made.root / "opt" / "ml")}
    with (
        reserved_port() as port,
        made.started(**place, **variables, SAGEMAKER_BIND_TO_PORT=str(port)) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=240) as client,
    ):
        wait_for(lambda: answers(client) or server.poll() is not None)
        assert client.post("/invocations", json=GOOD).status_code == 200
    with pytest.raises(WorkError, match=r"1 files were written where a read-only root refuses it"), made.started("-h"):
        (made.root / "opt" / "program" / "new.txt").write_text("")


def shorten(list_: Path, names: Set[str]) -> None:
    """Leave those distributions in an image's list."""
    kept = [line for line in list_.read_text().splitlines() if line.partition("==")[0] in names]
    assert len(kept) == len(names)
    list_.write_text("\n".join(kept) + "\n")


@pytest.mark.slow
def test_the_steps_of_train_and_ray_make_what_starts_on_a_read_only_root(tmp_path: Path) -> None:
    """The lists are cut to torch, Ray and what these import: whole, pip unpacks 2 GB in minutes.

    That the list of `train` is enough is tested below; whole, both are tried by `groundplan images try ray`.
    """
    root = tmp_path / "root"
    shutil.copytree(ROOT / "ml", root / "ml", ignore=shutil.ignore_patterns("__pycache__"))
    for image, names in {"train": OF_TORCH, "ray": OF_RAY}.items():
        shorten(root / "ml" / "images" / f"{image}.txt", names)
    small = Workspace(root=root)
    ray, train = (attempt(image, small, tmp_path / "stages") for image in ("ray", "train"))
    assert [step.stage for step in (*ray.steps, *train.steps)] == ["program", "train-site", "ray-site"]
    for made, asked, told in ((ray, (), "Usage: ray"), (train, ("-h",), "usage: python -m ml")):
        with made.started(*asked) as process:
            said, _ = process.communicate(timeout=240)
            assert told in said
            assert process.returncode == 0
    installed = (ray.root / "opt" / "venv" / "installed.txt").read_text()
    assert set(catalogue.listed(installed)) >= {"ray", "torch"}


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
