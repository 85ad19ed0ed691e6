"""One run on one process, on two with a copy each and on two with a shard each; and from one number to another."""

import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.ml.jobs import AGENT, MODULE, UNTRACKED, Job

pytestmark = pytest.mark.slow

# Sums of float32 in another order.
TOLERANCE = 1e-5
# Some hundreds of steps are left when a run is asked to stop, and it has saved by then.
EPOCHS, STOPPED_AFTER, SAVED_EVERY = 20, 40, 28
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
        job = Job(base=tmp_path / name, program=fork, environment=UNTRACKED).configure(hyperparameters, toy_data)
        job.run("train", launcher=launcher(processes)).well()
        return job

    return run


@pytest.fixture(scope="module")
def stopped_once(fork: Path, toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run of two processes, sharded, which was asked to stop after some steps."""
    longer = {"epochs": EPOCHS, "checkpoint_every": SAVED_EVERY, "parallel": "fsdp"}
    job = Job(base=tmp_path_factory.mktemp("stopped"), program=fork, environment=UNTRACKED)
    job.configure({"model": "toy_model", "recipe": "even", **longer}, toy_data)
    with job.start("train", launcher=launcher(2)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"step={STOPPED_AFTER} "):
                process.send_signal(signal.SIGTERM)
        process.wait(timeout=240)
    return job


@pytest.fixture
def stopped(stopped_once: Job, tmp_path: Path) -> Job:
    """The stopped run, to go on with: a copy of what it left."""
    return replace(stopped_once, base=shutil.copytree(stopped_once.base, tmp_path / "stopped"))


def test_two_processes_learn_what_one_learns(ran: Ran) -> None:
    one = ran("one", 1)
    assert difference(one, ran("copies", 2)) < TOLERANCE
    assert difference(one, ran("parts-of-shards", 2, parallel="fsdp", accumulate=2)) < TOLERANCE


@pytest.mark.parametrize("changes", [{"unfreeze_every": 0.2, "layer_decay": 0.7}, {"lora_rank": 2}])
def test_two_processes_adapt_what_one_adapts(changes: dict[str, object], ran: Ran) -> None:
    assert difference(ran("one", 1, **changes), ran("shards", 2, parallel="fsdp", **changes)) < TOLERANCE


def test_a_run_goes_on_with_fewer_or_more_processes(stopped: Job, ran: Ran) -> None:
    whole = ran("whole", 1, epochs=EPOCHS, checkpoint_every=SAVED_EVERY)
    for processes in (1, 3):
        job = replace(stopped, base=shutil.copytree(stopped.base, stopped.base.with_name(f"on-{processes}")))
        said = job.run("train", launcher=launcher(processes)).well().said
        resumed = re.search(r"resuming at step=(\d+)", said)
        assert resumed
        assert int(resumed[1]) >= STOPPED_AFTER
        assert difference(whole, job) < TOLERANCE * 10


def test_a_damaged_checkpoint_gives_way_to_the_one_before(stopped: Job) -> None:
    older, newer = sorted((stopped.base / "checkpoints").glob("step-*"))
    shard = next(newer.glob("*.distcp"))
    shard.write_bytes(bytes([shard.read_bytes()[0] ^ 1]) + shard.read_bytes()[1:])
    said = stopped.run("train").well().said
    assert f"{newer.name} ignored: {shard.name} is not what was saved" in said
    assert f"{older.name} resuming at step={int(older.name.removeprefix('step-'))}" in said


def test_a_batch_that_processes_cannot_share_equally_is_refused(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork, environment=UNTRACKED)
    job.configure({"model": "toy_model", "recipe": "even", "batch_size": 3}, toy_data)
    assert job.run("train", launcher=launcher(2)).code != 0
    assert "batch_size=3 cannot be cut into equal parts for 2 processes" in job.failure
