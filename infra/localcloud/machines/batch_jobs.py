"""The Batch jobs of a cloud."""

import threading
from collections.abc import Sequence

from infra.localcloud.machines.batch_hosts import HostPool
from infra.localcloud.machines.batch_job import BatchJob
from infra.localcloud.machines.batch_run import BatchRun
from infra.localcloud.machines.container import remove_folders
from infra.localcloud.machines.event_bus import send_event
from infra.localcloud.machines.site import Site


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
        """Carry `job` out in a thread of its own, after those that it depends on."""
        job.on_change = self._changed
        run = BatchRun(job, self._site, self._hosts)
        with self._lock:
            self._jobs[job.id], self._runs[job.id] = job, run
        self._changed(job)
        threading.Thread(target=self._carry_out, args=(run, job), name=f"batch job {job.id}", daemon=True).start()

    def find(self, account: str, region: str, id: str) -> BatchJob | None:
        """The job of that id or ARN, running or ended."""
        job = self._jobs.get(id.rsplit("/", 1)[-1])
        return job if job and (job.account, job.region) == (account, region) else None

    def all(self, account: str, region: str) -> list[BatchJob]:
        """Every job of an account and region, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if (job.account, job.region) == (account, region)]

    def end(self, job: BatchJob, reason: str) -> None:
        """Terminate a job; nothing happens to one that has ended."""
        if run := self._runs.get(job.id):
            run.end(reason)

    def lose(self, account: str, region: str, machines: Sequence[str]) -> None:
        """Machines are gone, and whatever ran on them."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.lose(machines)

    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._runs)

    def _carry_out(self, run: BatchRun, job: BatchJob) -> None:
        try:
            run.run()
        finally:
            with self._lock:
                self._runs.pop(job.id, None)

    def _changed(self, job: BatchJob) -> None:
        """Tell EventBridge, as Batch does of every status."""
        self._site.cloud.log.info("batch job", job=job.id, status=job.status, reason=job.reason)
        told = ("aws.batch", "Batch Job State Change", job.told_in_event(), job.arn)
        send_event(self._site.cloud, job.account, job.region, *told)
