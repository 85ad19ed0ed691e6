"""The training job inside this process, with the toy as its model: what it measures, refuses, resumes and reports."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ml import models
from ml.__main__ import main
from ml.training.checkpoints import Checkpoints
from tests.ml.jobs import ROOT, Job, metrics

Train = Callable[..., int]
TOY = {"model": "toy_model", "recipe": "only"}


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Run `ml train` on the toy's data in a job's folder and return the exit code."""
    store = tmp_path_factory.getbasetemp() / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(ROOT / "tests" / "ml")])

    def run(base: Path, **changes: object) -> int:
        Job(base=base).configure({**TOY, **changes}, toy_data)
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
        return main(["train"])

    return run


def test_the_same_seed_gives_the_same_metrics(train: Train, tmp_path: Path) -> None:
    assert train(tmp_path / "one") == train(tmp_path / "two") == train(tmp_path / "three", seed=2) == 0
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")
    assert metrics(tmp_path / "one") != metrics(tmp_path / "three")


@pytest.mark.parametrize(
    "changes", [{}, {"unfreeze_every": 0.15, "layer_decay": 0.7}, {"lora_rank": 2}], ids=["whole", "unfreezing", "lora"]
)
def test_a_killed_job_resumes_and_ends_as_if_nothing_had_happened(
    changes: dict[str, object], train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = []

    def save_then_die(self: Checkpoints, *state: object) -> None:
        save(self, *state)
        saves.append(state)
        if len(saves) == 3:
            raise SystemExit(137)

    save = Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", save_then_die)
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", **changes)
    monkeypatch.setattr(Checkpoints, "save", save)
    assert train(tmp_path / "killed", **changes) == train(tmp_path / "whole", **changes) == 0
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")
    weights = [(tmp_path / name / "model" / "weights.safetensors").read_bytes() for name in ("killed", "whole")]
    assert weights[0] == weights[1]


def test_a_checkpoint_of_another_recipe_is_left_alone(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path) == 0
    assert train(tmp_path, learning_rate=0.01) == 0
    said = capsys.readouterr().out
    assert "ignored: another recipe" in said
    assert "resuming" not in said


def test_a_damaged_checkpoint_is_left_alone(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "checkpoints" / "step-00000004"
    folder.mkdir(parents=True)
    (folder / "complete-0.json").write_bytes(b"half a checkpo")
    assert train(tmp_path) == 0
    assert "ignored: it cannot be read" in capsys.readouterr().out


def test_progress_lines_can_be_read_by_a_machine(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path) == 0
    said = capsys.readouterr().out
    assert re.search(r"^step=5 loss=0\.\d+ learning_rate=0\.\d+ seconds=\d", said, re.MULTILINE)
    assert re.search(r"^final accuracy=\d\.\d{4} baseline_accuracy=\d\.\d{4} ", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "toy_modle"}, "use 'toy_model'"),
        ({"recipe": "onyl"}, "use 'only'"),
        ({"epoch": 3}, "use 'epochs'"),
        ({"epochs": "three"}, "'three' is not int"),
        ({"epochs": 0}, "epochs=0 is below 1"),
    ],
)
def test_wrong_hyperparameters_are_named_with_their_cure(
    changes: dict[str, object], says: str, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, **changes) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert says in (tmp_path / "output" / "failure").read_text()


def test_hyperparameters_that_are_missing_or_no_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main(["train"]) == 2
    assert 'write it, e.g. {"model": "review_sentiment"' in capsys.readouterr().err
    Job(base=tmp_path).configure({"recipe": "debug"}, tmp_path / "input" / "config")
    assert main(["train"]) == 2
    assert "lack 'model'" in capsys.readouterr().err


def test_an_empty_tracking_address_leaves_tracking_out(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setattr("ml.training.job.Tracker", None)
    assert train(tmp_path) == 0
    assert (tmp_path / "model" / "report.json").exists()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert train(tmp_path / "tracked") == 1, "unset, it is tracked in a file"


def test_data_that_changed_on_the_way_is_refused(
    toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Train
) -> None:
    Job(base=tmp_path).configure(TOY, toy_data)
    rows = tmp_path / "input" / "data" / "training" / "train-00000.jsonl"
    rows.write_text(rows.read_text().replace("a", "b", 1))
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main(["train"]) == 2
    assert "train-00000.jsonl is missing or differs from manifest.json" in (tmp_path / "output" / "failure").read_text()


def test_a_script_that_raises_leaves_its_reason(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(*_: object) -> None:
        raise RuntimeError("no luck")

    assert train(tmp_path / "works") == 0
    monkeypatch.setattr("ml.models.toy_model.task.build", build)
    assert train(tmp_path / "broken") == 1
    failure = (tmp_path / "broken" / "output" / "failure").read_text()
    assert failure.startswith("RuntimeError: no luck\n")
    assert "in build" in failure
    assert len(failure) <= 1024
    assert "Traceback" in capsys.readouterr().err


def test_a_variable_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "eighty")
    assert main(["serve"]) == 2
    assert "variable SAGEMAKER_BIND_TO_PORT: 'eighty' is no whole number" in capsys.readouterr().err
