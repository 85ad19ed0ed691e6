"""Training jobs, really run: the debug recipe of the real model, and a fork's toy for what needs many runs."""

import json
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.ml.jobs import TORCHRUN, Finished, Job

pytestmark = pytest.mark.xdist_group("ml")


def metrics(job: Job) -> dict[str, object]:
    """What a run measured, without the times."""
    report = job.report()
    curve: Any = report["curve"]
    points = [{name: value for name, value in point.items() if name != "seconds"} for point in curve]
    return {"accuracy": report["accuracy"], "curve": points}


def test_a_job_leaves_what_the_contract_says(trained: tuple[Job, Finished]) -> None:
    job, finished = trained
    assert {path.name for path in (job.base / "model").iterdir()} == {
        "weights.safetensors",
        "tokenizer.json",
        "report.json",
        "run.json",
    }
    report = job.report()
    assert report["model"] == "review_sentiment"
    assert report["recipe"] == "debug"
    assert report["steps"] == 10
    assert 0.5 < float(str(report["accuracy"])) < 1
    assert 0.5 < float(str(report["baseline_accuracy"])) < 1
    assert "step=2 loss=" in finished.said
    assert (
        f"final accuracy={report['accuracy']:.4f} baseline_accuracy={report['baseline_accuracy']:.4f}" in finished.said
    )


def test_the_run_manifest_names_code_data_recipe_and_machine(trained: tuple[Job, Finished], reviews: Path) -> None:
    job, _ = trained
    manifest = json.loads((job.base / "model" / "run.json").read_text())
    assert manifest["data"]["version"] == json.loads((reviews / "manifest.json").read_text())["version"]
    assert manifest["data"]["source"]["licence"].startswith("MIT")
    assert manifest["recipe"]["name"] == "debug"
    assert manifest["recipe"]["epochs"] == 1
    assert manifest["packages"]["torch"].startswith("2.")
    assert len(manifest["git"].removesuffix("-dirty")) == 40
    assert manifest["hardware"]["processes"] == 1


def test_the_tracking_store_holds_parameters_and_curve(trained: tuple[Job, Finished]) -> None:
    job, _ = trained
    with sqlite3.connect(job.base / "output" / "data" / "mlflow.db") as store:
        curve = store.execute("select step, value from metrics where key = 'loss' order by step").fetchall()
        parameters = dict(store.execute("select key, value from params").fetchall())
        assert store.execute("select status from runs").fetchall() == [("FINISHED",)]
    store.close()
    points: Any = job.report()["curve"]
    assert curve == [(point["step"], pytest.approx(point["loss"])) for point in points if "loss" in point]
    assert parameters["learning_rate"] == "0.0005"


def test_a_new_folder_is_a_new_model_and_beats_its_baseline(toy: Job) -> None:
    toy.run("train").well()
    report = toy.report()
    assert float(str(report["accuracy"])) > float(str(report["baseline_accuracy"]))


def test_the_same_seed_gives_the_same_metrics(toy: Job, toy_data: Path) -> None:
    toy.run("train").well()
    first = metrics(toy)
    toy.run("train").well()
    assert metrics(toy) == first
    toy.configure({"model": "toy_model", "recipe": "only", "seed": 2}, toy_data).run("train").well()
    assert metrics(toy) != first


def test_two_processes_train_one_model(toy: Job) -> None:
    alone = toy.run("train").well()
    steps = toy.report()["steps"]
    together = toy.run("train", launcher=TORCHRUN).well()
    assert "processes=1" in alone.said
    assert "processes=2" in together.said
    assert together.said.count("final accuracy=") == 1
    assert toy.report()["steps"] == int(str(steps)) // 2
    first = metrics(toy)
    toy.run("train", launcher=TORCHRUN).well()
    assert metrics(toy) == first


@pytest.mark.slow
def test_two_processes_train_the_real_model(reviews: Path, tmp_path: Path) -> None:
    small = {"model": "review_sentiment", "recipe": "debug", "most_examples": 128}
    job = Job(base=tmp_path).configure(small, reviews)
    job.run("train", launcher=TORCHRUN).well()
    assert job.report()["steps"] == 2


@pytest.mark.slow
def test_the_real_model_trains_the_same_twice(reviews: Path, tmp_path: Path) -> None:
    small = {"model": "review_sentiment", "recipe": "debug", "most_examples": 96}
    job = Job(base=tmp_path).configure(small, reviews)
    job.run("train").well()
    first = metrics(job)
    job.run("train").well()
    assert metrics(job) == first


def test_sagemaker_starts_each_machine_and_they_find_each_other(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    hosts = ["127.0.0.1", "localhost"]
    machines = []
    for host in hosts:
        job = Job(base=tmp_path / host, program=fork).configure({"model": "toy_model", "recipe": "only"}, toy_data)
        resources = {"current_host": host, "hosts": hosts, "network_interface_name": "lo"}
        (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
        machines.append((job, job.start("train")))
    for _, process in machines:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert json.loads((machines[0][0].base / "model" / "run.json").read_text())["hardware"]["processes"] == 2
    assert not (machines[1][0].base / "model").exists()


def test_a_stopped_job_goes_on_where_it_stopped(toy: Job, toy_data: Path) -> None:
    many = {"model": "toy_model", "recipe": "only", "epochs": 400}
    toy.configure(many, toy_data)
    with toy.start("train") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step=100 "):
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    assert (toy.base / "checkpoints" / "latest.pt").exists()
    assert not (toy.base / "output" / "failure").exists()
    assert "resuming at step=" in toy.run("train").well().said
    resumed = metrics(toy)
    uninterrupted = Job(base=toy.base.parent / "other", program=toy.program).configure(many, toy_data)
    uninterrupted.run("train").well()
    assert metrics(uninterrupted) == resumed


def test_a_checkpoint_of_another_recipe_is_left_alone(toy: Job, toy_data: Path) -> None:
    toy.run("train").well()
    assert (toy.base / "checkpoints" / "latest.pt").exists()
    toy.configure({"model": "toy_model", "recipe": "only", "learning_rate": 0.01}, toy_data)
    said = toy.run("train").well().said
    assert "ignored: another recipe" in said
    assert "resuming" not in said


def test_a_tracking_server_that_is_away_stops_nothing(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    job = Job(base=tmp_path, program=fork, environment=environment)
    said = job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train").well().said
    assert "warning tracking=http://127.0.0.1:9 failed" in said


@pytest.mark.parametrize(
    ("hyperparameters", "says"),
    [
        ({"recipe": "debug"}, "lack 'model'"),
        ({"model": "review_sentimant", "recipe": "debug"}, "use 'review_sentiment'"),
        ({"model": "review_sentiment", "recipe": "debugg"}, "use 'debug'"),
        ({"model": "review_sentiment", "recipe": "debug", "epoch": 3}, "use 'epochs'"),
        ({"model": "review_sentiment", "recipe": "debug", "epochs": "three"}, "'three' is not int"),
        ({"model": "review_sentiment", "recipe": "debug", "epochs": 0}, "epochs=0 is below 1"),
    ],
)
def test_wrong_hyperparameters_are_named_with_their_cure(
    hyperparameters: dict[str, object], says: str, reviews: Path, tmp_path: Path
) -> None:
    job = Job(base=tmp_path).configure(hyperparameters, reviews)
    finished = job.run("train")
    assert finished.code == 2
    assert says in finished.said
    assert says in job.failure
    assert "Traceback" not in finished.said


def test_data_that_changed_on_the_way_is_refused(toy: Job) -> None:
    rows = toy.base / "input" / "data" / "training" / "train.jsonl"
    rows.write_text(rows.read_text().replace("a", "b", 1))
    finished = toy.run("train")
    assert finished.code == 2
    assert "train.jsonl is missing or differs from manifest.json" in toy.failure


def test_a_script_that_raises_leaves_its_reason(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    shutil.copytree(fork, tmp_path / "program")
    task = tmp_path / "program" / "ml" / "models" / "toy_model" / "task.py"
    task.write_text(task.read_text().replace("build = Toy", "def build(*_):\n    raise RuntimeError('no luck')"))
    job = Job(base=tmp_path / "job", program=tmp_path / "program")
    finished = job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train")
    assert finished.code == 1
    assert job.failure.startswith("RuntimeError: no luck\n")
    assert "in build" in job.failure
    assert len(job.failure) <= 1024
