"""Checkpoints and what befalls them: a full disk, a busy S3, a broken copy, a kill half-way, a clock that jumps."""

import ast
import json
import re
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from ml.contract import Place
from ml.errors import CheckpointError, InputError
from ml.training import sealed
from ml.training.checkpoints import Checkpoints, Position
from ml.training.copies import Copies, S3Copies, copies_at
from ml.training.world import join
from tests.ml.faulty_s3 import BUCKET, FaultyS3, serving
from tests.ml.jobs import ROOT, UNTRACKED, Job, metrics

Said = pytest.CaptureFixture[str]


class Trainer:
    """A network whose weights tell the step that it is at, and its checkpoints."""

    def __init__(self, folder: Path, *, keep: int = 2, places: Copies | None = None, identity: str = "this") -> None:
        self.module = torch.nn.Linear(8, 8)
        self.optimizer = torch.optim.AdamW(self.module.parameters())
        with join(Place()) as world:
            self.checkpoints = Checkpoints(folder, identity, world, keep=keep, copies=places)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with join(Place()) as world:
            self.checkpoints._world = world
            yield

    def save(self, *steps: int) -> None:
        with self.at_work():
            for step in steps:
                torch.nn.init.constant_(self.module.weight, step)
                self.checkpoints.save(Position(step=step), self.module, self.optimizer)
                self.checkpoints.finish()

    def restore(self) -> int:
        with self.at_work():
            step = self.checkpoints.restore(self.module, self.optimizer).step
        assert step == 0 or float(self.module.weight.detach()[0, 0]) == step
        return step


@pytest.fixture(scope="module")
def service() -> Iterator[FaultyS3]:
    with serving() as found:
        yield found


@pytest.fixture
def s3(service: FaultyS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Copies:
    """A place in S3 that is this test's own."""
    for name, value in service.variables().items():
        monkeypatch.setenv(name, value)
    service.faults.clear()
    service.asked.clear()
    return S3Copies(f"s3://{BUCKET}/runs/{request.node.name}/checkpoints")


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to write more, in this process and those that it starts, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_a_save_and_no_more(tmp_path: Path, capsys: Said) -> None:
    trainer = Trainer(tmp_path)
    trainer.save(1)
    with files_no_larger_than(1000):
        trainer.save(2)
    said = capsys.readouterr().out
    assert "warning checkpoint step=2 failed: OSError: [Errno 27] File too large" in said
    assert "step=1 stays the newest, training goes on" in said
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"], "nothing half-written takes up space"
    assert Trainer(tmp_path).restore() == trainer.checkpoints.step == 1
    trainer.save(3)
    assert Trainer(tmp_path).restore() == 3


def test_a_job_whose_every_save_fails_ends_well_all_the_same(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork, environment={**UNTRACKED, "PYTHONDONTWRITEBYTECODE": "1"})
    job.configure({"model": "toy_model", "recipe": "only", "log_every": 100}, toy_data)
    with files_no_larger_than(5000):
        said = job.run("train").well().said
    assert said.count("failed: OSError: [Errno 27] File too large; there is none yet, training goes on") > 3
    assert "final accuracy=" in said
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_busy_s3_delays_a_save_and_a_fresh_machine_finds_it(
    s3: S3Copies, service: FaultyS3, tmp_path: Path, capsys: Said
) -> None:
    service.faults |= {"__0_0.distcp": ["500"], ".metadata": ["503"], "complete-0.json": ["503", "500"]}
    Trainer(tmp_path / "one", places=s3).save(1)
    assert service.asked["complete-0.json"] == 3
    assert "checkpoint step=1 saved" in capsys.readouterr().out
    service.faults["__0_0.distcp"] = ["503"]
    assert Trainer(tmp_path / "other", places=s3).restore() == 1


def test_an_s3_that_stays_away_costs_a_save_and_no_more(
    s3: S3Copies, service: FaultyS3, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.s3_folder.ATTEMPTS", 2)
    trainer = Trainer(tmp_path / "one", places=s3)
    trainer.save(1)
    service.faults["complete-0.json"] = ["503", "503"]
    trainer.save(2)
    said = capsys.readouterr().out
    assert re.search(r"warning checkpoint step=2 failed: .*\(SlowDown\) when calling the PutObject operation", said)
    assert "step=1 stays the newest, training goes on" in said
    other = Trainer(tmp_path / "other", places=s3)
    assert other.restore() == 1
    assert "step-00000002 ignored: it is not whole" in capsys.readouterr().out
    trainer.save(3)
    assert Trainer(tmp_path / "third", places=s3).restore() == 3


def test_a_run_that_cannot_see_its_checkpoints_does_not_begin_anew(
    s3: S3Copies, service: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = S3Copies("s3://no-such-bucket/checkpoints")
    with pytest.raises(CheckpointError, match="s3://no-such-bucket/checkpoints cannot be read .*NoSuchBucket"):
        Trainer(tmp_path, places=gone).restore()
    with pytest.raises(InputError, match="variable GROUNDPLAN_CHECKPOINTS: 's3://bucket' names no place in S3"):
        copies_at("s3://bucket")


def test_a_broken_newest_copy_gives_way_to_the_one_before(
    s3: S3Copies, service: FaultyS3, tmp_path: Path, capsys: Said
) -> None:
    Trainer(tmp_path / "one", places=s3).save(1, 2)
    key = f"{s3._prefix}/step-00000002/__0_0.distcp"
    shard = service.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
    service.client().put_object(Bucket=BUCKET, Key=key, Body=bytes([shard[0] ^ 1]) + shard[1:])
    assert Trainer(tmp_path / "other", places=s3).restore() == 1
    assert "step-00000002 ignored: __0_0.distcp is not what was saved" in capsys.readouterr().out
    # What is sound here need not be fetched; what is broken here is.
    local = tmp_path / "one" / "step-00000001" / "__0_0.distcp"
    local.write_bytes(b"broken")
    service.client().put_object(Bucket=BUCKET, Key=key, Body=shard)
    service.asked.clear()
    assert Trainer(tmp_path / "one", places=s3).restore() == 2
    assert service.asked["__0_0.distcp"] == 0


@pytest.mark.parametrize("keep", [1, 2])
def test_only_older_ones_are_deleted_however_few_are_kept(
    keep: int, s3: S3Copies, service: FaultyS3, tmp_path: Path
) -> None:
    """A newer one that was not restored is broken or another run's; the one just saved must outlive it."""
    Trainer(tmp_path, places=s3, identity="another").save(9)
    trainer = Trainer(tmp_path, keep=keep, places=s3)
    trainer.save(1, 2, 3)
    kept = [f"step-{step:08d}" for step in (1, 2, 3)][-keep:]
    assert sorted(s3.names()) == sorted(sealed.names(tmp_path)) == [*kept, "step-00000009"]
    shutil.rmtree(tmp_path / kept[-1])
    assert trainer.restore() == 3


def test_copies_that_may_not_be_deleted_stop_nothing(
    s3: S3Copies, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("AccessDenied: step-00000001/__0_0.distcp")

    monkeypatch.setattr(S3Copies, "_delete", refuse)
    Trainer(tmp_path, keep=1, places=s3).save(1, 2)
    said = capsys.readouterr().out
    assert "warning checkpoint copies older than step-00000002 stay: PermissionError: AccessDenied" in said
    assert "step=2 saved" in said


def test_parts_of_different_attempts_make_no_checkpoint(tmp_path: Path, capsys: Said) -> None:
    """Two launchers of one run, or two attempts at one step, each whole on one machine of two."""
    trainer = Trainer(tmp_path)
    trainer.save(1)
    path = tmp_path / "step-00000001"
    facts = json.loads((path / "complete-0.json").read_text()) | {"machines": 2}
    (path / "complete-0.json").write_text(json.dumps(facts))
    assert trainer.restore() == 0
    (path / "complete-1.json").write_text(json.dumps(facts | {"attempt": "another"}))
    assert trainer.restore() == 0
    said = capsys.readouterr().out
    assert "ignored: it is not whole" in said
    assert "ignored: its parts were written by different attempts" in said


def test_a_job_killed_while_it_sends_goes_on_elsewhere_and_ends_as_if_nothing_had_happened(
    service: FaultyS3, s3: S3Copies, fork: Path, toy_data: Path, tmp_path: Path
) -> None:
    variables = {**service.variables(), **UNTRACKED, "GROUNDPLAN_CHECKPOINTS": s3._uri}
    asked = {"model": "toy_model", "recipe": "only", "checkpoint_every": 8, "deterministic": True}
    struck = Job(base=tmp_path / "struck", program=fork, environment=variables).configure(asked, toy_data)
    whole = Job(base=tmp_path / "whole", program=fork, environment=UNTRACKED).configure(asked, toy_data)
    service.faults["complete-0.json"] = ["503", "500", "", "hold"]
    with struck.start("train") as process:
        assert service.stalling.wait(240)
        process.send_signal(signal.SIGKILL)
    service.go_on.set()
    assert sorted(s3.names()) == ["step-00000006", "step-00000012"]
    other = Job(base=tmp_path / "other", program=fork, environment=variables).configure(asked, toy_data)
    said = other.run("train").well().said
    assert "step-00000012 ignored: it is not whole" in said
    assert "step-00000006 resuming at step=6" in said
    whole.run("train").well()
    assert metrics(other.base) == metrics(whole.base)
    weights = [(job.base / "model" / "weights.safetensors").read_bytes() for job in (other, whole)]
    assert weights[0] == weights[1]


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**9, 0, -(10**6)))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    Trainer(tmp_path).save(1, 2, 3)
    assert Trainer(tmp_path).restore() == 3


def test_nothing_that_decides_reads_a_clock_that_can_jump() -> None:
    """Attempts, budgets, checkpoints and stops count by the cloud's own figures or by the monotonic clock."""
    allowed = {ROOT / "ml" / "training" / "tracking.py"}  # The moment that a metric is shown at.
    for room in ("ml/training", "ci/recovery"):
        for file in set((ROOT / room).glob("*.py")) - allowed:
            called = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
            names = {ast.unparse(function) for function in called}
            assert not names & {"time.time", "datetime.now", "datetime.utcnow", "time.time_ns"}, file
