"""`python -m ml train`, whoever starts it: torchrun's processes train, everybody else's start what is needed."""

import sys

from ml.contract import Container, Place
from ml.launchers import machines


def train(container: Container, processes: int | None) -> None:
    """Train as a process of its run, or start the run's processes on this machine and await their end."""
    if container.place:
        from ml.training import job

        job.train(container, container.place)
    elif container.assignment:
        from ml.launchers import assignment, delivery, turn

        given = assignment.read(container.assignment)
        turn.check(given)
        with delivery.delivered(container, given) as delivered:
            _launch(delivered, processes)
    else:
        _launch(container, processes)


def _launch(container: Container, processes: int | None) -> None:
    machine, count = machines.here(container), machines.processes(processes)
    if machine.count == count == 1:
        from ml.training import job

        job.train(container, Place())
        return
    from ml.launchers.processes import Launcher

    if code := Launcher(container, machine, count).run():
        sys.exit(code)
