"""An array of Batch jobs: one request, many children, and a parent whose status is made of theirs."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.batch_job import ENDED, BatchJob, refused

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", *ENDED)
MOST_CHILDREN, MOST_DEPENDENCIES = 10_000, 20


@dataclass
class BatchArray(BatchJob):
    """The parent, which runs nothing itself."""

    children: list[BatchJob] = field(default_factory=list)

    def look(self) -> None:
        """Take the status that those of the children make."""
        with self._lock:
            found = {child.status for child in self.children}
            if found <= set(ENDED):
                step = ("FAILED", "Array Child Job failed") if "FAILED" in found else ("SUCCEEDED", "")
            elif self.status == "SUBMITTED" and found != {"SUBMITTED"}:
                # Before it is told, so that it is told once.
                self.status = "PENDING"
                step = ("PENDING", "")
            else:
                return
        self.enter(step[0], step[1] or None)

    def summary(self) -> Payload:
        """Its entry in ListJobs."""
        return {**super().summary(), "arrayProperties": {"size": len(self.children)}}

    def describe(self, node: int | None = None) -> Payload:
        """Its answer to DescribeJobs, with the number of children in each status."""
        found = Counter(child.status for child in list(self.children))
        shown = {"size": len(self.children), "statusSummary": {status: found[status] for status in STATUSES}}
        return {**super().describe(), "arrayProperties": shown}


def expanded(job: BatchJob, find: Callable[[str], BatchJob | None]) -> BatchJob:
    """Return what a request asks for: the job itself, or an array of it; `find` knows the jobs that it depends on."""
    waits = list(_waits(job, find))
    if "arrayProperties" not in job.request:
        return replace(job, after=[other for _, other in waits])
    size = job.request["arrayProperties"]["size"]
    if not 2 <= size <= MOST_CHILDREN or job.nodes > 1:
        raise refused(f"An array has 2 to {MOST_CHILDREN} jobs, each of one node")
    shared = {name: getattr(job, name) for name in ("request", "definition", "queue", "account", "region", "on_change")}
    parent = BatchArray(**shared)
    in_order = any(_is_sequential(one) for one in job.request.get("dependsOn", ()))
    for index in range(size):
        after = [_each(kind, other, index, size) for kind, other in waits]
        after += parent.children[-1:] if in_order else []
        parent.children.append(BatchJob(**shared, id=f"{parent.id}:{index}", index=index, parent=parent, after=after))
    return parent


def _waits(job: BatchJob, find: Callable[[str], BatchJob | None]) -> Iterator[tuple[str | None, BatchJob]]:
    """Yield how to wait for which other job."""
    asked: Sequence[Payload] = job.request.get("dependsOn", ())
    if len(asked) > MOST_DEPENDENCIES:
        raise refused(f"A job may depend on {MOST_DEPENDENCIES} others at most")
    for one in asked:
        if one.get("type") and "arrayProperties" not in job.request:
            raise refused(f"Only an array may have a dependency of type {one['type']}")
        if _is_sequential(one):
            continue
        other = find(one.get("jobId", ""))
        if other is None:
            raise refused(f"Job {one.get('jobId')} of dependsOn does not exist")
        yield one.get("type"), other


def _is_sequential(one: Payload) -> bool:
    return one.get("type") == "SEQUENTIAL" and not one.get("jobId")


def _each(kind: str | None, other: BatchJob, index: int, size: int) -> BatchJob:
    """What one child waits for: all of the other, or the child at its own place there."""
    if kind != "N_TO_N":
        return other
    if not isinstance(other, BatchArray) or len(other.children) != size:
        raise refused(f"Job {other.id} is no array of {size} jobs, as N_TO_N wants")
    return other.children[index]
