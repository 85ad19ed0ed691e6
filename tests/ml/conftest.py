"""What the tests of `ml` share, each made once: the data set, a trained, an optimized and a light released model."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.bench import serve_models
from ml import contract
from ml.data import datasets
from ml.release import archive
from ml.release.signing import LocalSigner
from tests.ml.jobs import ROOT, UNTRACKED, Finished, Job

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
CACHE = ROOT / ".cache" / "datasets"


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film reviews as a training channel; fetched once into the cache of the checkout."""
    out = tmp_path_factory.mktemp("reviews")
    datasets.prepare("review_sentiment", CACHE, out)
    return out


@pytest.fixture(scope="session")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `ml` with one folder more: a new model, and nothing else touched."""
    program = tmp_path_factory.mktemp("fork")
    shutil.copytree(ROOT / "ml", program / "ml", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "toy_model", program / "ml" / "models" / "toy_model")
    return program


@pytest.fixture(scope="session")
def toy_data(fork: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's data, prepared by the fork's own command."""
    out = tmp_path_factory.mktemp("toy") / "data"
    cache = str(out.parent / "cache")
    Job(base=out.parent, program=fork).run("fetch", "--cache", cache, "--model", "toy_model", "--out", str(out)).well()
    return out


@pytest.fixture(scope="session")
def toy_model(fork: Path, toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's trained model."""
    job = Job(base=tmp_path_factory.mktemp("toy-model"), program=fork, environment=UNTRACKED)
    job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train").well()
    return job.base / "model"


@pytest.fixture
def toy(fork: Path, toy_data: Path, tmp_path: Path) -> Job:
    """A job that trains the toy in a second or two."""
    return Job(base=tmp_path / "job", program=fork, environment=UNTRACKED).configure(
        {"model": "toy_model", "recipe": "only"}, toy_data
    )


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """made_once("name", make): the folder that `make` has filled, once for all workers of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def trained(reviews: Path, made_once: MadeOnce) -> tuple[Job, Finished]:
    """The real model, trained by the debug recipe, and what that said."""

    def train(base: Path) -> None:
        job = Job(base=base).configure({"model": "review_sentiment", "recipe": "debug"}, reviews)
        (base / "said").write_text(job.run("train").well().said)

    base = made_once("trained", train)
    return Job(base=base), Finished(code=0, said=(base / "said").read_text())


@pytest.fixture(scope="session")
def optimized(trained: tuple[Job, Finished], reviews: Path, made_once: MadeOnce) -> Job:
    """The content of a bundle, made by an optimization job from the training job's archive."""

    def optimize(base: Path) -> None:
        job = Job(base=base).configure({}, reviews)
        channel = base / "input" / "data" / contract.MODEL_CHANNEL
        channel.mkdir()
        model = trained[0].base / "model"
        archive.pack({path.name: path for path in model.iterdir()}, channel / contract.MODEL_ARCHIVE)
        job.run("optimize").well()

    return Job(base=made_once("optimized", optimize))


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> LocalSigner:
    return LocalSigner.kept_at(tmp_path_factory.mktemp("key") / "signing.pem")


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A container's folder with a light model's signed bundle in model/, and the variables that its server needs."""
    base = tmp_path_factory.mktemp("light")
    return base, {contract.PUBLIC_KEY_VARIABLE: serve_models.make(base, serve_models.light)}
