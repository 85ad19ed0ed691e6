"""A Batch job from its queue to its end: attempts on machines, each node's container a process."""

import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import wait
from contextlib import ExitStack
from functools import partial

from infra.localcloud.instance_metadata import Metadata, serving
from infra.localcloud.machines.batch_container import BatchContainer, container_of
from infra.localcloud.machines.batch_hosts import POLL_SECONDS, HostPool, Hosts
from infra.localcloud.machines.batch_job import EXITED, TIMED_OUT, BatchJob
from infra.localcloud.machines.container import make_folders, remove_folders
from infra.localcloud.machines.leash import Exit, Leashed, Program, container_environment
from infra.localcloud.machines.log_stream import LogStream
from infra.localcloud.machines.site import Site


class BatchRun:
    """Carries a job out in the calling thread. `end` and `lose` may come from any other."""

    def __init__(self, job: BatchJob, site: Site, hosts: HostPool) -> None:
        self.job = job
        self._site = site
        self._pool = hosts
        self._folder = site.cloud.folder / "batch" / job.region / job.id
        self._leashed: list[Leashed] = []
        self._hosts: Hosts | None = None
        self._lost: str | None = None
        self._metadata: dict[str, Metadata] = {}
        self._lock = threading.Lock()

    def run(self) -> None:
        """Attempt after attempt; whatever goes wrong, the job ends in a final status."""
        job = self.job
        try:
            status, reason = self._attempts()
        except Exception as error:
            status, reason = "FAILED", f"InternalError: {type(error).__name__}: {error}"
            self._site.cloud.log.error("batch job failed inside the cloud", job=job.id)
        remove_folders(self._folder)
        job.enter(status, reason)

    def end(self, reason: str) -> None:
        """SIGTERM now, SIGKILL after the grace period, and no further attempt."""
        self.job.request_end(reason)
        with self._lock:
            for leashed in self._leashed:
                leashed.stop(self._site.settings.stop_grace_seconds)

    def lose(self, machines: Sequence[str]) -> None:
        """Kill what ran on machines that are gone."""
        with self._lock:
            gone = set(machines) & set(self._hosts.machines if self._hosts else ())
            if gone:
                self._lost = f"Host EC2 (instance {sorted(gone)[0]}) terminated."
                for leashed in self._leashed:
                    leashed.kill()

    def warn(self, news: str, machines: Sequence[str]) -> None:
        """Let machines that it runs on tell the news to who asks them."""
        with self._lock:
            for machine in machines:
                if metadata := self._metadata.get(machine):
                    metadata.announce(news)

    def _attempts(self) -> tuple[str, str | None]:
        job = self.job
        if reason := self._wait_for_others():
            return "FAILED", reason
        while True:
            job.enter("RUNNABLE")
            hosts = self._pool.acquire(job)
            if hosts is None:
                return "FAILED", job.terminate_reason or "The cloud stopped"
            try:
                code, reason = self._attempt(hosts)
            finally:
                self._pool.release(job, hosts)
            job.end_attempt(reason)
            if job.terminate_reason:
                return "FAILED", job.terminate_reason
            if code == 0 and self._lost is None:
                return "SUCCEEDED", reason
            if not job.will_retry(reason) or self._site.leashes.closed:
                return "FAILED", reason
            self._site.cloud.log.info("batch job starts again", job=job.id, reason=reason)

    def _wait_for_others(self) -> str | None:
        """Wait until all have succeeded that the job depends on; return why that will never be."""
        job = self.job
        if job.after:
            job.enter("PENDING")
        for other in job.after:
            while not other.over.wait(POLL_SECONDS):
                if job.terminate_reason or self._site.leashes.closed:
                    return job.terminate_reason or "The cloud stopped"
            if other.status == "FAILED":
                return "Dependent Job failed"
        return None

    def _attempt(self, hosts: Hosts) -> tuple[int | None, str]:
        """Run the containers once; return the main node's exit code, if it had one, and why the attempt ended."""
        job = self.job
        containers = [container_of(job, node) for node in range(job.nodes)]
        logs = [self._open_log(container) for container in containers]
        job.containers = [
            {"logStreamName": log.name, "taskArn": f"arn:aws:ecs:{job.region}:{job.account}:task/{machine}"}
            for log, machine in zip(logs, hosts.machines, strict=True)
        ]
        asked = any(container.asks_its_machine for container in containers)
        with ExitStack() as services:
            metadata = {machine: services.enter_context(serving(machine)) for machine in hosts.machines if asked}
            with self._lock:
                self._hosts, self._lost, self._leashed, self._metadata = hosts, None, [], metadata
            return self._run(containers, logs, hosts)

    def _run(
        self, containers: Sequence[BatchContainer], logs: Sequence[LogStream], hosts: Hosts
    ) -> tuple[int | None, str]:
        job = self.job
        job.enter("STARTING")
        try:
            with self._lock:
                for node, container in enumerate(containers):
                    program = self._program(node, container, hosts)
                    self._leashed.append(self._site.leashes.start(program, partial(_write, logs[node])))
            job.enter("RUNNING")
            if job.terminate_reason:
                self.end(job.terminate_reason)
            return self._await()
        finally:
            for log in logs:
                self._site.close_log(log)

    def _await(self) -> tuple[int | None, str]:
        """Wait for the main node, which is the job; then stop the others."""
        limit = self.job.timeout_seconds
        main, reason = self._leashed[0], EXITED
        if not wait([main.exit], timeout=limit).done:
            reason = TIMED_OUT
            main.stop(self._site.settings.stop_grace_seconds)
        first = main.exit.result()
        for leashed in self._leashed[1:]:
            leashed.stop(self._site.settings.stop_grace_seconds)
        exits = [first, *(leashed.exit.result() for leashed in self._leashed[1:])]
        if self._lost:
            return None, self._lost
        for container, exit in zip(self.job.containers, exits, strict=True):
            container |= _told(exit)
        return first.code, reason

    def _program(self, node: int, container: BatchContainer, hosts: Hosts) -> Program:
        job, base, metadata = self.job, self._folder / str(node), self._metadata.get(hosts.machines[node])
        make_folders(base)
        container.make_mounts(base)
        environment = container_environment(self._site.cloud.url, job.region, self._site.program_folder(), base)
        environment |= {
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
            "AWS_BATCH_JQ_NAME": job.queue["jobQueueName"],
            "AWS_BATCH_CE_NAME": hosts.environment,
        }
        if job.index is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
            environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(job.request["arrayProperties"]["size"])
        if "nodeProperties" in job.definition:
            environment |= {
                "AWS_BATCH_JOB_NODE_INDEX": str(node),
                "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
                "AWS_BATCH_JOB_NUM_NODES": str(job.nodes),
            }
            # The main node does not know its own address beforehand, the others do. All of them are this machine.
            environment |= {"AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": "127.0.0.1"} if node else {}
        return Program(
            argv=container.command,
            folder=base / "code",
            environment=environment | container.environment(base, metadata.url if metadata else None),
            vcpus=container.vcpus,
            memory_bytes=container.memory_bytes,
        )

    def _open_log(self, container: BatchContainer) -> LogStream:
        stream = f"{container.log_prefix}/default/{uuid.uuid4().hex}"
        return self._site.open_log(self.job.region, container.log_group, stream)


def _write(log: LogStream, line: str) -> None:
    log.write(line)


def _told(exit: Exit) -> dict[str, object]:
    told: dict[str, object] = {"exitCode": exit.code}
    if exit.cause == "out of memory":
        told["reason"] = "OutOfMemoryError: Container killed due to memory usage"
    return told
