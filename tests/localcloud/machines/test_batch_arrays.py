"""Arrays of Batch jobs, and jobs that wait for others."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ci.drill.pools import Client
from tests.localcloud.machines.batch_pool import Pool, Wait


@pytest.fixture(scope="module")
def pool(client: Client, wait_until: Wait) -> Pool:
    return Pool(client, wait_until)


def children(pool: Pool, array: str, size: int) -> list[dict[str, Any]]:
    return [pool.describe(f"{array}:{index}") for index in range(size)]


def test_each_child_knows_its_place_and_the_parent_is_made_of_them(pool: Pool, client: Client) -> None:
    code = "import os; print(os.environ['AWS_BATCH_JOB_ARRAY_INDEX'], os.environ['AWS_BATCH_JOB_ARRAY_SIZE'])"
    array = pool.submit(code, vcpus=2, arrayProperties={"size": 5})
    parent = pool.ended(array)
    assert (parent["status"], parent["container"]) == ("SUCCEEDED", {})
    summary = {status: count for status, count in parent["arrayProperties"]["statusSummary"].items() if count}
    assert (parent["arrayProperties"]["size"], summary) == (5, {"SUCCEEDED": 5})
    assert [pool.lines(f"{array}:{index}") for index in range(5)] == [[f"{index} 5"] for index in range(5)]
    assert [child["arrayProperties"] for child in children(pool, array, 5)] == [{"index": index} for index in range(5)]
    batch = client("batch")
    listed = batch.list_jobs(arrayJobId=array, jobStatus="SUCCEEDED")["jobSummaryList"]
    assert sorted(one["jobId"] for one in listed) == [f"{array}:{index}" for index in range(5)]
    in_queue = batch.list_jobs(jobQueue=pool.queue, jobStatus="SUCCEEDED")["jobSummaryList"]
    assert [(one["jobId"], one["arrayProperties"]) for one in in_queue if one["jobId"].startswith(array)] == [
        (array, {"size": 5})
    ]


def test_a_child_that_fails_fails_its_parent_and_no_sibling(pool: Pool) -> None:
    code = "import os; raise SystemExit(7 if os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1' else 0)"
    array = pool.submit(code, arrayProperties={"size": 3})
    parent = pool.ended(array)
    assert (parent["status"], parent["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert [child["status"] for child in children(pool, array, 3)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


def test_a_job_waits_for_another_and_fails_with_it(pool: Pool, wait_until: Wait, tmp_path: Path) -> None:
    code = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'seen')!r}): time.sleep(0.05)"
    first = pool.submit(code, vcpus=1)
    second = pool.submit("", vcpus=1, dependsOn=[{"jobId": first}])
    wait_until(lambda: pool.describe(second)["status"] == "PENDING")
    (tmp_path / "seen").touch()
    assert pool.ended(second)["status"] == "SUCCEEDED"
    assert pool.describe(second)["startedAt"] >= pool.describe(first)["stoppedAt"]
    broken = pool.submit("raise SystemExit(7)", vcpus=1)
    never = pool.ended(pool.submit("", vcpus=1, dependsOn=[{"jobId": first}, {"jobId": broken}]))
    assert (never["status"], never["statusReason"], never["attempts"]) == ("FAILED", "Dependent Job failed", [])


def test_sequential_children_come_one_after_the_other(pool: Pool) -> None:
    code = "import os; raise SystemExit(7 if os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '2' else 0)"
    array = pool.submit(code, vcpus=1, arrayProperties={"size": 4}, dependsOn=[{"type": "SEQUENTIAL"}])
    assert pool.ended(array)["status"] == "FAILED"
    found = children(pool, array, 4)
    assert [child["status"] for child in found] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED"]
    assert found[3]["statusReason"] == "Dependent Job failed"
    for earlier, later in pairwise(found[:3]):
        assert earlier["stoppedAt"] <= later["startedAt"]


def test_n_to_n_each_waits_for_its_counterpart(pool: Pool) -> None:
    """The second of the first array fails, and with it only the second of the other."""
    code = "import os; raise SystemExit(7 if os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1' else 0)"
    first = pool.submit(code, vcpus=1, arrayProperties={"size": 3})
    waits = [{"jobId": first, "type": "N_TO_N"}]
    second = pool.submit("", vcpus=1, arrayProperties={"size": 3}, dependsOn=waits)
    assert pool.ended(second)["status"] == "FAILED"
    found = children(pool, second, 3)
    assert [child["status"] for child in found] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert found[1]["statusReason"] == "Dependent Job failed"
    assert found[0]["startedAt"] >= pool.describe(f"{first}:0")["stoppedAt"]
    with pytest.raises(ClientError, match="is no array of 2 jobs"):
        pool.submit("", arrayProperties={"size": 2}, dependsOn=waits)


def test_an_array_is_ended_as_one(pool: Pool, client: Client, wait_until: Wait) -> None:
    array = pool.submit("import time; time.sleep(60)", vcpus=8, arrayProperties={"size": 3})
    wait_until(lambda: any(child["status"] == "RUNNING" for child in children(pool, array, 3)))
    assert pool.describe(array)["status"] == "PENDING"
    client("batch").terminate_job(jobId=array, reason="enough")
    assert pool.ended(array)["status"] == "FAILED"
    assert {child["statusReason"] for child in children(pool, array, 3)} == {"enough"}


@pytest.mark.parametrize(
    ("request_part", "told"),
    [
        ({"arrayProperties": {"size": 1}}, "An array has 2 to 10000 jobs"),
        ({"dependsOn": [{"jobId": "gone"}]}, "Job gone of dependsOn does not exist"),
        ({"dependsOn": [{"type": "SEQUENTIAL"}]}, "Only an array may have a dependency of type SEQUENTIAL"),
        ({"dependsOn": [{"jobId": "x"}] * 21}, "20 others at most"),
        ({"nodes": 2, "arrayProperties": {"size": 2}}, "each of one node"),
    ],
)
def test_what_batch_refuses(pool: Pool, request_part: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientError, match=told):
        pool.submit("", **request_part)
