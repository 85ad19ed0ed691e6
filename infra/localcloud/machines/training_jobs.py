"""The training jobs of a cloud."""

import threading
from typing import Any

from infra.localcloud.machines.container import remove_folders
from infra.localcloud.machines.metering import Owner, tags_of
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.training_job import TrainingJob
from infra.localcloud.machines.training_run import TrainingRun

Key = tuple[str, str, str]


class TrainingJobs:
    """Every job since the cloud started, by account, region and name."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._jobs: dict[Key, TrainingJob] = {}
        self._runs: dict[Key, TrainingRun] = {}
        self._lock = threading.Lock()
        remove_folders(site.cloud.folder / "jobs")  # What a killed cloud left.

    def start(self, job: TrainingJob) -> None:
        """Carry `job` out in a thread of its own."""
        key = (job.account, job.region, job.name)
        run = TrainingRun(job, self._site)
        job.on_end = self._ended
        with self._lock:
            self._jobs[key] = job
            self._runs[key] = run
        if record := moto_record(job):
            record.training_job_status = job.status
        self._site.cloud.log.info("training job started", job=job.name, region=job.region)
        threading.Thread(target=self._carry_out, args=(key, run), name=f"job {job.name}", daemon=True).start()

    def find(self, account: str, region: str, name: str) -> TrainingJob | None:
        """The job, running or ended."""
        return self._jobs.get((account, region, name))

    def all(self, account: str, region: str) -> list[TrainingJob]:
        """Every job of an account and region, oldest first."""
        with self._lock:
            return [job for (owner, place, _), job in self._jobs.items() if (owner, place) == (account, region)]

    def forget(self, job: TrainingJob) -> None:
        """Remove an ended job from the list."""
        with self._lock:
            self._jobs.pop((job.account, job.region, job.name), None)

    def end(self, job: TrainingJob) -> bool:
        """Ask a job to stop; False when it has ended already."""
        if not job.request_stop():
            return False
        run = self._runs.get((job.account, job.region, job.name))
        if run:
            run.stop(self._site.settings.stop_grace_seconds)
        return True

    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._runs)

    def _carry_out(self, key: Key, run: TrainingRun) -> None:
        try:
            run.run()
        finally:
            with self._lock:
                del self._runs[key]

    def _ended(self, job: TrainingJob) -> None:
        """Charge for the job, and let moto know: its Search and its tags go on."""
        record = moto_record(job)
        if record:
            record.training_job_status = record.secondary_status = job.status
        if job.seconds:
            tags = record.tags if record else job.request.get("Tags") or []
            resources = job.request["ResourceConfig"]
            owner = Owner(job.arn, job.account, job.region, tags_of(tags))
            seconds = job.billable_seconds * resources.get("InstanceCount", 1)
            self._site.meter.instance(owner, "Train", resources["InstanceType"], seconds)
        reason = {"reason": job.failure_reason} if job.failure_reason else {}
        self._site.cloud.log.info("training job ended", job=job.name, status=job.status, **reason)


def moto_record(job: TrainingJob) -> Any:
    """moto's record of the job, which holds its tags; None when there is none."""
    from moto.sagemaker.models import sagemaker_backends

    return sagemaker_backends[job.account][job.region].training_jobs.get(job.name)
