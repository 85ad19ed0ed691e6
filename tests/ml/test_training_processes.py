"""Training jobs as processes of their own: the debug recipe of the real model, two processes, two machines, SIGTERM."""

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.ml.jobs import TORCHRUN, UNTRACKED, Finished, Job, metrics

TOY = {"model": "toy_model", "recipe": "only"}
pytestmark = pytest.mark.xdist_group("ml")


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


@pytest.mark.slow
def test_two_processes_train_the_real_model(reviews: Path, tmp_path: Path) -> None:
    small = {"model": "review_sentiment", "recipe": "debug", "most_examples": 128}
    job = Job(base=tmp_path, environment=UNTRACKED).configure(small, reviews)
    job.run("train", launcher=TORCHRUN).well()
    assert job.report()["steps"] == 4


@pytest.mark.slow
def test_the_real_model_trains_the_same_twice(reviews: Path, tmp_path: Path) -> None:
    small = {"model": "review_sentiment", "recipe": "debug", "most_examples": 96}
    job = Job(base=tmp_path, environment=UNTRACKED).configure(small, reviews)
    job.run("train").well()
    first = metrics(job.base)
    job.run("train").well()
    assert metrics(job.base) == first


def test_sagemaker_starts_each_machine_and_they_find_each_other(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    hosts = ["127.0.0.1", "localhost"]
    machines = []
    for host in hosts:
        job = Job(base=tmp_path / host, program=fork, environment=UNTRACKED).configure(TOY, toy_data)
        resources = {"current_host": host, "hosts": hosts, "network_interface_name": "lo"}
        (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
        machines.append((job, job.start("train")))
    for _, process in machines:
        said, _ = process.communicate(timeout=240)
        assert process.returncode == 0, said
    assert json.loads((machines[0][0].base / "model" / "run.json").read_text())["hardware"]["processes"] == 2
    assert not (machines[1][0].base / "model").exists()


def test_two_processes_train_one_model_that_a_fork_added(toy: Job) -> None:
    """The fork is a copy of `ml` with one folder more."""
    said = toy.run("train", launcher=TORCHRUN).well().said
    assert "processes=2" in said
    assert said.count("final accuracy=") == 1
    report = toy.report()
    assert float(str(report["accuracy"])) > float(str(report["baseline_accuracy"]))


def test_a_stopped_job_goes_on_where_it_stopped(toy: Job, toy_data: Path) -> None:
    toy.configure({"model": "toy_model", "recipe": "only", "epochs": 150, "checkpoint_every": 10000}, toy_data)
    with toy.start("train") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step=100 "):
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=240) == 143
    assert list((toy.base / "checkpoints").glob("step-*/complete-0.json"))
    assert not (toy.base / "output" / "failure").exists()
    assert "resuming at step=" in toy.run("train").well().said


def test_a_tracking_server_that_is_away_stops_nothing(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    job = Job(base=tmp_path, program=fork, environment=environment)
    said = job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train").well().said
    assert "warning tracking=http://127.0.0.1:9 failed" in said
