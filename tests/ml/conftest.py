"""What the tests of `ml` share, each made once: the data set, a trained, an optimized and a light released model."""

import shutil
from pathlib import Path

import pytest

from ci.bench import serve_models
from ml import contract
from ml.data import datasets
from ml.release import archive
from ml.release.signing import LocalSigner
from tests.ml.jobs import ROOT, UNTRACKED, Finished, Job

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


@pytest.fixture
def toy(fork: Path, toy_data: Path, tmp_path: Path) -> Job:
    """A job that trains the toy in a second or two."""
    return Job(base=tmp_path / "job", program=fork, environment=UNTRACKED).configure(
        {"model": "toy_model", "recipe": "only"}, toy_data
    )


@pytest.fixture(scope="session")
def trained(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Finished]:
    """The real model, trained by the debug recipe."""
    job = Job(base=tmp_path_factory.mktemp("train")).configure(
        {"model": "review_sentiment", "recipe": "debug"}, reviews
    )
    return job, job.run("train").well()


@pytest.fixture(scope="session")
def optimized(trained: tuple[Job, Finished], reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The content of a bundle, made by an optimization job from the training job's archive."""
    job = Job(base=tmp_path_factory.mktemp("optimize")).configure({}, reviews)
    channel = job.base / "input" / "data" / contract.MODEL_CHANNEL
    channel.mkdir()
    model = trained[0].base / "model"
    archive.pack({path.name: path for path in model.iterdir()}, channel / contract.MODEL_ARCHIVE)
    job.run("optimize").well()
    return job


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> LocalSigner:
    return LocalSigner.kept_at(tmp_path_factory.mktemp("key") / "signing.pem")


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A container's folder with a light model's signed bundle in model/, and the variables that its server needs."""
    base = tmp_path_factory.mktemp("light")
    return base, {contract.PUBLIC_KEY_VARIABLE: serve_models.make(base, serve_models.light)}
