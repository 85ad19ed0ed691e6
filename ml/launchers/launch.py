"""`python -m ml train`, whoever starts it: torchrun's processes train, everybody else's start what is needed."""

import sys

from ml.contract import Container, Machine, Place
from ml.launchers import machines


def train(container: Container, processes: int | None) -> None:
    """Train as a process of its run, or start the run's processes on this machine and await their end."""
    from ml.training import job

    if container.place:
        return job.train(container, container.place)
    machine = machines.here(container)
    count = machines.processes(processes)
    if machine.count == count == 1:
        return job.train(container, Place())
    return _launch(container, machine, count)


def _launch(container: Container, machine: Machine, processes: int) -> None:
    from ml.launchers.processes import MOST_RESTARTS, Launcher

    # Each machine has its own part of a checkpoint, and SageMaker brings them together only when a job starts.
    restarts = MOST_RESTARTS if machine.count == 1 else 0
    launcher = Launcher(
        machine,
        processes,
        job=container.job_name or "",
        most_restarts=restarts,
        # What the lost process's neighbours said of their end is no failure of the run.
        before_start=lambda: container.failure.unlink(missing_ok=True),
    )
    sys.exit(launcher.run())
