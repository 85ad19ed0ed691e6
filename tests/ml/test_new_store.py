"""The store that is laid out at once is the one that MLflow would have made."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from ml.training import new_store


def test_its_tables_are_those_that_mlflow_makes(tmp_path: Path) -> None:
    kept, made = new_store.TABLES.read_text(), new_store.as_mlflow_makes_it(tmp_path / "mlflow.db")
    assert _lines(kept) == _lines(made), "another MLflow: run `python -m ml.training.new_store`"


def test_mlflow_takes_it_as_its_own_and_what_is_there_stays(tmp_path: Path) -> None:
    store = tmp_path / "output" / "mlflow.db"
    new_store.lay_out(store)
    MlflowClient(tracking_uri=f"sqlite:///{store}").create_experiment("ours")
    new_store.lay_out(store)
    found = MlflowClient(tracking_uri=f"sqlite:///{store}").search_experiments()
    assert {experiment.name for experiment in found} == {"Default", "ours"}


def test_tables_of_another_version_are_left_to_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_store, "version", lambda _name: "0.0")
    new_store.lay_out(tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()


def test_a_store_that_was_cut_off_while_it_was_made_is_mlflows_to_mend(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(new_store.TABLES.read_text().removesuffix("COMMIT;\n"))
    new_store.lay_out(tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        assert not store.execute("SELECT name FROM sqlite_master").fetchall()


def _lines(tables: str) -> list[str]:
    """Return what the tables consist of; MLflow writes a table's constraints in any order."""
    return sorted(line.strip(" \t,") for line in tables.splitlines())
