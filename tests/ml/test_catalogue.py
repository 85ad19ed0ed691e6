"""Models are found by their folders, and what is read everywhere is light."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from ml.errors import InputError, nearest
from ml.models import catalogue
from tests.ml.jobs import ROOT, Job

HEAVY = {"torch", "onnxruntime", "numpy", "sklearn", "mlflow", "transformers", "sentence_transformers", "pydantic"}


def heavy_imports_of(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    asked = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return HEAVY & set(asked.stdout.split())


@pytest.mark.parametrize("model", catalogue.names())
def test_a_card_and_its_recipes_are_whole(model: str) -> None:
    card = catalogue.card(model)
    assert card.name == model
    assert all(asdict(card).values())
    assert {"debug", "laptop"} <= catalogue.part(model, "recipes").RECIPES.keys()


def test_a_misspelt_model_or_recipe_is_offered_its_nearest() -> None:
    with pytest.raises(InputError, match="use 'review_sentiment'"):
        catalogue.card("reveiw_sentiment")
    with pytest.raises(InputError, match="use 'laptop'"):
        catalogue.recipe("review_sentiment", "labtop")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("lr", "use 'learning_rate'"),
        ("rate", "use 'learning_rate'"),
        ("epoch", "use 'epochs'"),
        ("q", "use 'batch_size', 'epochs' or 'learning_rate'"),
    ],
)
def test_a_shortened_name_is_understood_and_others_are_listed(name: str, fix: str) -> None:
    assert nearest(name, ("learning_rate", "batch_size", "epochs")) == fix


def test_a_folder_is_enough(fork: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork)
    said = job.run(launcher=("-c", "from ml.models import catalogue; print(catalogue.names())")).well().said
    assert said.strip() == "('review_sentiment', 'review_writer', 'toy_model')"


def test_what_the_platform_reads_imports_nothing_heavy() -> None:
    parts = (
        "[catalogue.part(name, part) for name in catalogue.names() for part in ('card', 'recipes', 'data', 'baseline')]"
    )
    assert not heavy_imports_of(f"import ml.contract, ml.data.datasets\nfrom ml.models import catalogue\n{parts}")


def test_an_empty_server_imports_nothing_heavy_and_a_full_one_only_its_runtime() -> None:
    assert not heavy_imports_of("import ml.serving.server")
    handler = "from ml.models import catalogue; catalogue.part('review_sentiment', 'handler')"
    assert heavy_imports_of(f"import ml.serving.server; {handler}") == {"onnxruntime", "numpy"}
