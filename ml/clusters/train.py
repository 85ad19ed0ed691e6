"""Training on a Ray cluster: one job in each worker of Ray Train, which starts them again when a machine is lost."""

import tempfile
from pathlib import Path
from typing import Any

from ml.contract import MODEL_ARCHIVE, Container, Place
from ml.errors import MlError
from ml.launchers import assignment as assignments
from ml.launchers import delivery
from ml.launchers.assignment import Assignment

# So often the workers are started again, wherever there is room, before a job is given up.
MOST_RESTARTS = 3


class ClusterError(MlError):
    """A job on a cluster that did not come to its end."""

    exit_code = 1


def train(address: str, assignment: Assignment, *, workers: int, cpus: float, gpus: float) -> None:
    """Train with so many workers, each with so much of a machine, and wait for the end."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.base_trainer import TrainingFailedError
    from ray.train.torch import TorchTrainer

    ray.init(address=address)
    try:
        TorchTrainer(
            _work,
            train_loop_config={"assignment": assignment.written()},
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
                placement_strategy="SPREAD",
            ),
            run_config=RunConfig(
                name=assignment.job,
                storage_path=f"{assignment.output}/ray",
                failure_config=FailureConfig(max_failures=MOST_RESTARTS),
            ),
        ).fit()
    except TrainingFailedError as error:
        raise ClusterError(
            f"job {assignment.job!r}",
            f"{error:.400}",
            f"is how it ended after at most {MOST_RESTARTS} restarts",
            "see the workers' lines above; its checkpoints are kept",
        ) from error
    finally:
        ray.shutdown()
    print(f"trained job={assignment.job} model={assignment.output}/{MODEL_ARCHIVE}", flush=True)


def _work(given: dict[str, Any]) -> None:
    """Do the job as this worker of its run, whose process group Ray has made."""
    from ray.train import get_context

    from ml.training import job

    context = get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    # Each worker sees its own GPUs alone and has a folder of its own, as if it were a machine.
    place = Place(rank=rank, size=size, machine=rank, machines=size)
    with tempfile.TemporaryDirectory() as base:
        container = Container(base=Path(base), place=place)
        with delivery.delivered(container, assignments.read(given["assignment"])) as delivered:
            job.train(delivered, place)
