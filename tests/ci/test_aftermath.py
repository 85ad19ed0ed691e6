"""What a dead run left is read from its own papers, and nothing of anybody else's is taken."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import environments
from ci.adoption import FILE, MISSING, Adoption
from ci.interrupted import Interrupted
from ci.manifest import S3Backend, Stack
from ci.site import Site
from ci.stack_progress import Diagnostic
from ci.state_holders import holders
from ci.workspace import Workspace

RESOURCES = {
    "aws_s3_bucket": {"data": {"bucket": "data"}},
    "aws_route": {"out": {"route_table_id": "${aws_route_table.main.id}", "destination_cidr_block": "0.0.0.0/0"}},
    "aws_sqs_queue": {"jobs": {"name": "jobs"}},
}


def event(kind: str, address: str, action: str = "create", **more: str) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action, **more}}


def refusal(address: str, summary: str) -> dict[str, Any]:
    return {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "address": address}}


def died(folder: Path, *told: dict[str, Any], before: Interrupted | None = None) -> Interrupted:
    """What is read of a run that told this, and was cut in the middle of a line."""
    mark, events = folder / "stack.changing", folder / "events.jsonl"
    (before or Interrupted(datetime.now(UTC))).write(mark)
    events.write_text("".join(json.dumps(one) + "\n" for one in told) + '{"type": "apply_comp')
    left = Interrupted.read(mark, events)
    assert left is not None
    return left


def stack(folder: Path) -> Stack:
    document = {"resource": RESOURCES, "provider": {"aws": [{"region": "us-east-1"}]}}
    (folder / "cdk.tf.json").write_text(json.dumps(document))
    return Stack("test", folder, frozenset())


def adoption(folder: Path, left: Interrupted) -> Adoption:
    return Adoption(stack(folder), left, Site(environments.load("local"), Workspace(), "http://127.0.0.1:1"))


def test_no_mark_no_death(tmp_path: Path) -> None:
    assert Interrupted.read(tmp_path / "none", tmp_path / "none.jsonl") is None


def test_events_tell_what_was_made_and_what_was_being_made(tmp_path: Path) -> None:
    left = died(
        tmp_path,
        event("apply_start", "aws_s3_bucket.data"),
        event("apply_complete", "aws_s3_bucket.data", id_key="id", id_value="data"),
        event("apply_start", "aws_sqs_queue.jobs"),
        event("apply_start", "aws_route.out"),
        event("apply_errored", "aws_route.out"),
    )
    assert left.made == {"aws_s3_bucket.data": "data"}
    assert left.begun == {"aws_sqs_queue.jobs", "aws_route.out"}, "a wait that is given up is an error too"
    assert left.less({"aws_s3_bucket.data", "aws_sqs_queue.jobs"}).begun == {"aws_route.out"}
    assert not left.less({"aws_s3_bucket.data", "aws_sqs_queue.jobs", "aws_route.out"})


def test_what_was_there_before_a_run_is_somebody_elses(tmp_path: Path) -> None:
    told = (
        event("apply_start", "aws_s3_bucket.data"),
        event("apply_errored", "aws_s3_bucket.data"),
        refusal("aws_s3_bucket.data", "creating S3 Bucket (data): BucketAlreadyExists"),
    )
    assert not died(tmp_path, *told)
    carried = Interrupted(datetime.now(UTC), begun=frozenset({"aws_s3_bucket.data"}))
    assert died(tmp_path, *told, before=carried).begun == {"aws_s3_bucket.data"}, "unless an earlier run was making it"


def test_a_second_death_forgets_nothing_of_the_first(tmp_path: Path) -> None:
    first = Interrupted(datetime.now(UTC), {"aws_s3_bucket.data": "data"}, frozenset({"aws_route.out"}))
    left = died(tmp_path, event("apply_start", "aws_sqs_queue.jobs"), before=first)
    assert (set(left.made), left.begun) == ({"aws_s3_bucket.data"}, {"aws_route.out", "aws_sqs_queue.jobs"})


def test_import_blocks_have_the_ids_that_imports_want(tmp_path: Path) -> None:
    left = Interrupted(
        datetime.now(UTC), {"aws_s3_bucket.data": "data", "aws_route.out": "r-1", "aws_vpc.gone": "vpc-1"}
    )
    found = adoption(tmp_path, left)
    found.write()
    blocks = {block["to"]: block["id"] for block in json.loads((tmp_path / FILE).read_text())["import"]}
    assert blocks == {"aws_s3_bucket.data": "data", "aws_route.out": "${aws_route_table.main.id}_0.0.0.0/0"}
    assert found.lost == {"aws_vpc.gone": "vpc-1"}
    found.remove()
    assert not (tmp_path / FILE).exists()


def test_only_what_the_dead_run_was_making_is_taken_over_when_aws_has_it(tmp_path: Path) -> None:
    left = Interrupted(datetime.now(UTC), {"aws_sqs_queue.jobs": "url"}, frozenset({"aws_s3_bucket.data"}))
    found = adoption(tmp_path, left)
    exists = "creating: EntityAlreadyExists"
    assert not found.learn([Diagnostic("error", exists, "", "aws_route.out")])
    assert found.learn([Diagnostic("error", exists, "", "aws_s3_bucket.data")])
    assert found.ids["aws_s3_bucket.data"] == "data"
    gone = 'While attempting to import an existing object to "aws_sqs_queue.jobs", the provider detected'
    assert found.learn([Diagnostic("error", MISSING, gone, None)])
    assert "aws_sqs_queue.jobs" not in found.ids


def test_a_living_terraform_is_found_by_the_state_that_it_works_on(tmp_path: Path) -> None:
    program, folder = tmp_path / "terraform", tmp_path / "stack"
    (folder / ".terraform").mkdir(parents=True)
    backend = {"backend": {"type": "s3", "config": {"bucket": "states", "key": "a.tfstate"}}}
    (folder / ".terraform" / "terraform.tfstate").write_text(json.dumps(backend))
    program.write_text("import sys; print('up', flush=True); sys.stdin.read()\n")
    words = [sys.executable, str(program), f"-chdir={folder}", "apply"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as living:
        assert living.stdout
        living.stdout.readline()
        assert holders(S3Backend("states", "a.tfstate", "us-east-1")) == [living.pid]
        assert holders(S3Backend("states", "b.tfstate", "us-east-1")) == []
        living.kill()
    assert holders(S3Backend("states", "a.tfstate", "us-east-1")) == []
