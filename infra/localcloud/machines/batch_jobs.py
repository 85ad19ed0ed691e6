"""The Batch jobs of a cloud."""

import threading
from collections import deque
from collections.abc import Sequence

from infra.localcloud.machines.batch_array import BatchArray
from infra.localcloud.machines.batch_hosts import HostPool
from infra.localcloud.machines.batch_job import BatchJob
from infra.localcloud.machines.batch_run import BatchRun
from infra.localcloud.machines.container import remove_folders
from infra.localcloud.machines.event_bus import send_event
from infra.localcloud.machines.site import Site

# However large an array is, so many of its children are looked after at a time.
_ARRAY_THREADS = 16


class BatchJobs:
    """Every job since the cloud started, by its id."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._hosts = HostPool(site)
        self._jobs: dict[str, BatchJob] = {}
        self._runs: dict[str, BatchRun] = {}
        self._lock = threading.Lock()
        remove_folders(site.cloud.folder / "batch")  # What a killed cloud left.

    def start(self, job: BatchJob) -> None:
        """Carry `job` out in threads of its own, after those that it depends on; a job that is an array, each child."""
        children = job.children if isinstance(job, BatchArray) else [job]
        job.on_change = self._changed
        runs = deque(self._take_in(child) for child in children)
        with self._lock:
            self._jobs[job.id] = job
        self._changed(job)
        for number in range(min(len(runs), _ARRAY_THREADS)):
            name = f"batch job {job.id} {number}"
            threading.Thread(target=self._carry_out, args=(runs,), name=name, daemon=True).start()

    def _take_in(self, job: BatchJob) -> BatchRun:
        job.on_change = self._changed
        run = BatchRun(job, self._site, self._hosts)
        with self._lock:
            self._jobs[job.id], self._runs[job.id] = job, run
        return run

    def find(self, account: str, region: str, id: str) -> BatchJob | None:
        """The job of that id or ARN, running or ended."""
        job = self._jobs.get(id.rsplit("/", 1)[-1])
        return job if job and (job.account, job.region) == (account, region) else None

    def all(self, account: str, region: str) -> list[BatchJob]:
        """Every job of an account and region, oldest first; an array is one."""
        with self._lock:
            known = [job for job in self._jobs.values() if job.index is None]
        return [job for job in known if (job.account, job.region) == (account, region)]

    def end(self, job: BatchJob, reason: str) -> None:
        """Terminate a job, or every child of an array; nothing happens to what has ended."""
        for child in job.children if isinstance(job, BatchArray) else [job]:
            if run := self._runs.get(child.id):
                run.end(reason)

    def lose(self, account: str, region: str, machines: Sequence[str]) -> None:
        """Machines are gone, and whatever ran on them."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.lose(machines)

    def warn(self, news: str, machines: Sequence[str]) -> None:
        """Machines have something to tell to what runs on them."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.warn(news, machines)

    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._runs)

    def _carry_out(self, runs: deque[BatchRun]) -> None:
        while runs:
            try:
                run = runs.popleft()
            except IndexError:
                return
            try:
                run.run()
            finally:
                with self._lock:
                    self._runs.pop(run.job.id, None)

    def _changed(self, job: BatchJob) -> None:
        """Tell EventBridge, as Batch does of every status."""
        self._site.cloud.log.info("batch job", job=job.id, status=job.status, reason=job.reason)
        told = ("aws.batch", "Batch Job State Change", job.told_in_event(), job.arn)
        send_event(self._site.cloud, job.account, job.region, *told)
