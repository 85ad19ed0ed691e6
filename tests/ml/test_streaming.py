"""A data set that is streamed: the same examples in the same order as a copied one, whatever S3 and the disk do."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml import models
from ml.__main__ import main
from ml.data import datasets
from ml.data.cache import ShardCache
from ml.data.datasets import Example
from ml.data.sharded import AHEAD, Lengths, Sharded
from ml.data.streaming import stream
from ml.errors import DataError
from ml.s3_folder import S3Folder
from ml.training.batches import SHARDS_MIXED_TOGETHER, Batches
from ml.training.checkpoints import Checkpoints
from tests.ml.faulty_s3 import BUCKET, FaultyS3, serving
from tests.ml.jobs import ROOT, Job, metrics

SHARD = "train-00003.jsonl"
READER = """
import sys
from pathlib import Path
from ml.data.cache import ShardCache
from ml.data.streaming import stream
_, rows = stream(sys.argv[1], ShardCache(Path(sys.argv[2]), 2**30))
print("opened", flush=True)
print(len(list(rows["train"])), flush=True)
"""


@pytest.fixture(scope="module")
def service() -> Iterator[FaultyS3]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's words, in shards of 20."""
    out = tmp_path_factory.mktemp("words") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "__path__", [*models.__path__, str(ROOT / "tests" / "ml")])
        datasets.prepare("toy_model", out, out, rows_per_shard=20)
    return out


@pytest.fixture
def place(service: FaultyS3, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The words in a folder of S3 that is this test's own."""
    for name, value in service.variables().items():
        monkeypatch.setenv(name, value)
    service.faults.clear()
    uri = service.upload(words, hashlib.sha256(str(tmp_path).encode()).hexdigest())
    service.asked.clear()
    return uri


@pytest.fixture
def train(
    place: str, words: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path, bool], int]:
    """Train the toy, on the words in its channel or on those in S3."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.getbasetemp() / 'mlflow.db'}")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(ROOT / "tests" / "ml")])

    def run(base: Path, streamed: bool) -> int:
        asked = {"model": "toy_model", "recipe": "only"} | ({"data": place} if streamed else {})
        Job(base=base).configure(asked, base / "nothing" if streamed else words)
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
        return main(["train"])

    return run


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def downloads(service: FaultyS3) -> dict[str, int]:
    """How often each shard was asked for."""
    return {name: count for name, count in service.asked.items() if name.endswith(".jsonl")}


def read_all(place: str, cache: Path) -> list[Example]:
    return list(stream(place, ShardCache(cache, 2**30))[1]["train"])


def test_streamed_or_copied_a_run_is_the_same_also_after_a_kill(
    train: Callable[[Path, bool], int],
    service: FaultyS3,
    words: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saves = []

    def save_then_die(self: Checkpoints, *state: object) -> None:
        save(self, *state)
        saves.append(state)
        if len(saves) == 3:
            raise SystemExit(137)

    (tmp_path / "streamed" / "nothing").mkdir(parents=True)
    save = Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", save_then_die)
    with pytest.raises(SystemExit):
        train(tmp_path / "streamed", True)
    monkeypatch.setattr(Checkpoints, "save", save)
    asked = downloads(service)
    assert train(tmp_path / "streamed", True) == train(tmp_path / "copied", False) == 0
    assert metrics(tmp_path / "streamed") == metrics(tmp_path / "copied")
    weights = [(tmp_path / name / "model" / "weights.safetensors").read_bytes() for name in ("streamed", "copied")]
    assert weights[0] == weights[1]
    assert asked
    assert downloads(service).keys() == set(datasets.read(words)[0].files)
    assert set(downloads(service).values()) == {1}, "what is in the cache is not downloaded again"


def test_a_resumed_run_loads_what_it_needs_and_no_more() -> None:
    loaded = set[int]()

    def load(number: int) -> range:
        loaded.add(number)
        return range(number * 100, number * 100 + 100)

    items = Sharded([100] * 50, load)
    batches = Batches(Lengths(items, lambda _: 1), 10, seed=1)
    positions = batches[333]
    assert [items[position] for position in positions] == positions
    assert len(loaded) <= 3 * SHARDS_MIXED_TOGETHER
    in_order = Batches(Lengths(Sharded([100] * 50, load), lambda _: 1), 10, seed=1)
    assert [in_order[step] for step in range(334)][-1] == positions


@pytest.mark.parametrize("fault", ["500", "503", "cut", "flip"])
def test_a_service_that_fails_for_a_while_is_waited_for(
    fault: str, place: str, words: Path, service: FaultyS3, tmp_path: Path
) -> None:
    service.faults[SHARD] = [fault]
    assert read_all(place, tmp_path / "cache") == list(datasets.read(words)[1]["train"])
    assert service.asked[SHARD] == 2


def test_a_service_that_goes_on_failing_is_told_with_the_shard(
    place: str, service: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.s3_folder.ATTEMPTS", 2)
    service.faults[SHARD] = ["503"] * 4
    with pytest.raises(DataError, match=rf"file '{SHARD}' .*SlowDown.*start the job again: it goes on"):
        read_all(place, tmp_path / "cache")


def test_a_file_that_may_not_be_sent_is_told_with_the_right_that_is_wanting(
    place: str, service: FaultyS3, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    service.faults["model.tar.gz"] = ["403"]
    with pytest.raises(DataError, match=r"file 'model.tar.gz' .*AccessDenied.* read and write it .*s3:PutObject"):
        S3Folder(place).upload(tmp_path / "model", "model.tar.gz")


def test_a_shard_with_a_flipped_byte_is_told_by_name(
    place: str, words: Path, service: FaultyS3, tmp_path: Path
) -> None:
    content = bytearray((words / SHARD).read_bytes())
    content[20] ^= 1
    service.client().put_object(Bucket=BUCKET, Key=f"{place.split('/')[3]}/{SHARD}", Body=bytes(content))
    with pytest.raises(DataError, match=rf"shard '{SHARD}' .* sha256 .* is not .* of manifest.json; prepare"):
        read_all(place, tmp_path / "cache")
    # The shards that come next may still be on their way.
    whole = {name for name in kept(tmp_path / "cache") if not name.endswith(".part")}
    assert whole <= {facts.sha256 for facts in datasets.read(words)[0].files.values()}
    assert {hashlib.sha256((tmp_path / "cache" / name).read_bytes()).hexdigest() for name in whole} == whole


def test_a_missing_or_shortened_shard_is_told_before_training_begins(
    place: str, train: Callable[[Path, bool], int], service: FaultyS3, tmp_path: Path
) -> None:
    key = f"{place.split('/')[3]}/{SHARD}"
    (tmp_path / "job" / "nothing").mkdir(parents=True)
    service.client().put_object(Bucket=BUCKET, Key=key, Body=b"half")
    assert train(tmp_path / "job", True) == 2
    assert f"shard '{SHARD}' has 4 bytes, not" in (tmp_path / "job" / "output" / "failure").read_text()
    service.client().delete_object(Bucket=BUCKET, Key=key)
    assert train(tmp_path / "job", True) == 2
    assert f"shard '{SHARD}' is missing; prepare" in (tmp_path / "job" / "output" / "failure").read_text()


def test_a_shard_that_goes_missing_later_is_told_by_name(place: str, service: FaultyS3, tmp_path: Path) -> None:
    _, rows = stream(place, ShardCache(tmp_path / "cache", 2**30))
    service.client().delete_object(Bucket=BUCKET, Key=f"{place.split('/')[3]}/{SHARD}")
    with pytest.raises(DataError, match=rf"file '{SHARD}' .*NoSuchKey.*put it back"):
        list(rows["train"])


def test_an_address_that_is_none_or_holds_nothing_is_named(place: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'manifest.json' of s3://data/nowhere.*NoSuchKey"):
        stream("s3://data/nowhere", ShardCache(tmp_path, 1))
    with pytest.raises(Exception, match=r"'/a/folder' is no S3 address; write s3://bucket/folder/"):
        stream("/a/folder", ShardCache(tmp_path, 1))


def test_a_full_disk_costs_the_keeping_and_nothing_else(
    place: str, words: Path, service: FaultyS3, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = datasets.read(words)[0].files[SHARD].sha256
    (tmp_path / f"{sha256}.part").symlink_to("/dev/full")
    expected = list(datasets.read(words)[1]["train"])
    assert read_all(place, tmp_path) == read_all(place, tmp_path) == expected
    assert "No space left on device; it is read again" in capsys.readouterr().err
    assert service.asked[SHARD] == 2
    assert sha256 in kept(tmp_path), "kept as soon as there is room"


def test_what_was_damaged_on_the_disk_is_fetched_again(
    place: str, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = read_all(place, tmp_path)
    damaged = tmp_path / datasets.read(words)[0].files[SHARD].sha256
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    assert read_all(place, tmp_path) == expected
    assert "damaged=" in capsys.readouterr().err


def test_a_cache_holds_no_more_than_it_may_and_what_was_used_last(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100 for number in range(5)]
    names = [hashlib.sha256(content).hexdigest() for content in contents]
    cache = ShardCache(tmp_path, 300)
    for age, content in enumerate(contents[:3]):
        cache.get(names[age], lambda content=content: content)
        os.utime(tmp_path / names[age], (age, age))
    cache.get(names[0], lambda: b"is not fetched")
    cache.get(names[3], lambda: contents[3])
    assert kept(tmp_path) == {names[0], names[2], names[3]}
    assert ShardCache(tmp_path, 99).get(names[4], lambda: contents[4]) == contents[4]
    assert names[4] not in kept(tmp_path)


def reader(place: str, cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", READER, place, str(cache)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_share_a_cache_and_a_kill_in_the_middle_of_a_download_hurts_neither(
    place: str, words: Path, service: FaultyS3, tmp_path: Path
) -> None:
    manifest, data = datasets.read(words)
    service.faults[SHARD] = ["stall"]
    with reader(place, tmp_path / "cache") as killed:
        assert service.stalling.wait(240)
        with reader(place, tmp_path / "cache") as survivor:
            assert survivor.stdout
            assert survivor.stdout.readline() == "opened\n"
            killed.kill()
            assert survivor.stdout.readline() == f"{len(data['train'])}\n"
    service.go_on.set()
    assert kept(tmp_path / "cache") == {facts.sha256 for facts in manifest.shards("train").values()}
    asked = downloads(service)
    assert asked.keys() == manifest.shards("train").keys()
    assert sum(asked.values()) <= len(asked) + AHEAD, "only what the killed one had under way is asked for again"
