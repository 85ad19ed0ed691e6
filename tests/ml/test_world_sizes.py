"""One run on one process, on two with a copy each and on two with a shard each; and from one number to another."""

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.ml.jobs import AGENT, MODULE, Job

pytestmark = pytest.mark.slow

# Sums of float32 in another order.
TOLERANCE = 1e-5
Ran = Callable[..., Job]


def launcher(processes: int) -> tuple[str, ...]:
    return MODULE if processes == 1 else (*AGENT, f"--nproc-per-node={processes}", *MODULE)


def weights(job: Job) -> dict[str, torch.Tensor]:
    return load_file(job.base / "model" / "weights.safetensors")


def difference(one: Job, other: Job) -> float:
    return max(float((value - weights(other)[name]).abs().max()) for name, value in weights(one).items())


@pytest.fixture
def ran(fork: Path, toy_data: Path, tmp_path: Path) -> Ran:
    """Train the toy on so many processes, in a folder of that name."""

    def run(name: str, processes: int, **changes: object) -> Job:
        hyperparameters = {"model": "toy_model", "recipe": "even", **changes}
        job = Job(base=tmp_path / name, program=fork).configure(hyperparameters, toy_data)
        job.run("train", launcher=launcher(processes)).well()
        return job

    return run


@pytest.fixture
def stopped(fork: Path, toy_data: Path, tmp_path: Path) -> Job:
    """A run of two processes, sharded, which was asked to stop after some steps."""
    hyperparameters = {"model": "toy_model", "recipe": "even", "epochs": 60, "parallel": "fsdp"}
    job = Job(base=tmp_path / "stopped", program=fork).configure(hyperparameters, toy_data)
    with job.start("train", launcher=launcher(2)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step=100 "):
                process.send_signal(signal.SIGTERM)
        process.wait(timeout=240)
    return job


def test_two_processes_learn_what_one_learns(ran: Ran) -> None:
    one = ran("one", 1)
    assert difference(one, ran("copies", 2)) < TOLERANCE
    assert difference(one, ran("parts-of-shards", 2, parallel="fsdp", accumulate=2)) < TOLERANCE


@pytest.mark.parametrize("changes", [{"unfreeze_every": 0.2, "layer_decay": 0.7}, {"lora_rank": 2}])
def test_two_processes_adapt_what_one_adapts(changes: dict[str, object], ran: Ran) -> None:
    assert difference(ran("one", 1, **changes), ran("shards", 2, parallel="fsdp", **changes)) < TOLERANCE


def test_a_run_goes_on_with_fewer_or_more_processes(stopped: Job, ran: Ran) -> None:
    whole = ran("whole", 1, epochs=60)
    for processes in (1, 3):
        job = Job(base=stopped.base.with_name(f"on-{processes}"), program=stopped.program)
        shutil.copytree(stopped.base, job.base)
        said = job.run("train", launcher=launcher(processes)).well().said
        resumed = re.search(r"resuming at step=(\d+)", said)
        assert resumed
        assert int(resumed[1]) >= 100
        assert difference(whole, job) < TOLERANCE * 10


def test_a_damaged_checkpoint_gives_way_to_the_one_before(stopped: Job) -> None:
    older, newer = sorted((stopped.base / "checkpoints").glob("step-*"))
    shard = next(newer.glob("*.distcp"))
    shard.write_bytes(bytes([shard.read_bytes()[0] ^ 1]) + shard.read_bytes()[1:])
    said = stopped.run("train").well().said
    assert f"{newer.name} ignored: {shard.name} is not what was saved" in said
    assert f"{older.name} resuming at step={int(older.name.removeprefix('step-'))}" in said


def test_a_batch_that_processes_cannot_share_equally_is_refused(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork).configure({"model": "toy_model", "recipe": "even"}, toy_data)
    assert job.run("train", launcher=launcher(5)).code != 0
    assert "batch_size=12 cannot be cut into equal parts for 5 processes" in job.failure
