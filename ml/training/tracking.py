"""Tracking in MLflow's store: a server when its address is given, else one SQLite file in the job's output.

An address of no letters tracks nothing: a short run on a laptop is half done by the time that MLflow is imported.

A thread of its own does all of it: importing MLflow takes seconds and a server may be slow or away, and no training
step waits for either. Metrics travel in batches. Tracking that fails is said once and never stops a training.
"""

import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Each batch costs Python some milliseconds that the training loop wants too.
SECONDS_BETWEEN_BATCHES = 10.0
SECONDS_TO_FINISH = 60.0
MOST_IN_A_BATCH = 1000  # MLflow's limit for one request


class Tracker:
    """One MLflow run; `metrics` returns at once."""

    def __init__(
        self, uri: str | None, folder: Path, *, experiment: str, name: str | None, parameters: Mapping[str, Any]
    ) -> None:
        if uri is None:
            folder.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{folder / 'mlflow.db'}"
        self._uri, self._experiment, self._name, self._parameters = uri, experiment, name, parameters
        self._waiting: queue.SimpleQueue[tuple[int, int, Mapping[str, float]]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._status = "FAILED"
        # A daemon, so that a server that hangs cannot keep a finished job alive.
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Hand over some metrics of a step."""
        self._waiting.put((step, int(time.time() * 1000), values))

    def close(self, *, finished: bool) -> None:
        """Send what is left and end the run as finished or failed."""
        self._status = "FINISHED" if finished else "FAILED"
        self._closing.set()
        self._thread.join(SECONDS_TO_FINISH)
        if self._thread.is_alive():
            self._warn(f"did not take the last metrics in {SECONDS_TO_FINISH:.0f} s")

    def _warn(self, what: str) -> None:
        print(f"warning tracking={self._uri} {what}; the metrics are in report.json all the same", flush=True)

    def _run(self) -> None:
        try:
            self._track()
        except Exception as error:  # tracking is a service to the run, never a condition of it
            self._warn(f"failed: {error!r}")

    def _track(self) -> None:
        import logging

        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=self._uri)
        found = client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found else client.create_experiment(self._experiment)
        run = client.create_run(experiment, run_name=self._name).info.run_id
        client.log_batch(run, params=[Param(key, str(value)) for key, value in self._parameters.items()])
        while not (last := self._closing.wait(SECONDS_BETWEEN_BATCHES)) or not self._waiting.empty():
            batch = [
                Metric(name, value, at, step) for step, at, values in self._drain() for name, value in values.items()
            ]
            for start in range(0, len(batch), MOST_IN_A_BATCH):
                client.log_batch(run, metrics=batch[start : start + MOST_IN_A_BATCH])
            if last:
                break
        client.set_terminated(run, self._status)

    def _drain(self) -> list[tuple[int, int, Mapping[str, float]]]:
        return [self._waiting.get() for _ in range(self._waiting.qsize())]
