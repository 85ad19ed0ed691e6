"""A new MLflow store in SQLite, laid out in milliseconds.

MLflow itself goes through the tables of all its versions, a second of a processor that a run's first steps would miss.
`python -m ml.training.new_store` writes their last state to `new_store.sql`: run it when MLflow's version changes.
"""

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

TABLES = Path(__file__).with_suffix(".sql")


def lay_out(path: Path) -> None:
    """Make a store at `path` unless there is one; leave it to MLflow where the tables are another version's."""
    tables = TABLES.read_text()
    if path.exists() or tables.splitlines()[0] != _title():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as store:
        store.executescript(tables)


def as_mlflow_makes_it(path: Path) -> str:
    """Let MLflow make a store at `path` and return what makes the same tables, as one transaction of SQL."""
    from mlflow.tracking import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as store:
        # MLflow adds the experiment `Default`, which names a folder of this machine, to each store that has none.
        store.execute("DELETE FROM experiments")
        return "\n".join([_title(), *store.iterdump(), ""])


def _title() -> str:
    return f"-- The tables of MLflow {version('mlflow-skinny')}."


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        TABLES.write_text(as_mlflow_makes_it(Path(folder) / "mlflow.db"))
