"""One training job from its input data to its model archive."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from pathlib import Path
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines import storage
from infra.localcloud.machines.container import (
    failure_text,
    in_container,
    make_folders,
    remove_folders,
    training_command,
    write_training_config,
)
from infra.localcloud.machines.instances import capacity_of
from infra.localcloud.machines.leash import Exit, Leashed, Program, container_environment
from infra.localcloud.machines.site import Site, now
from infra.localcloud.machines.storage import CheckpointFolder, S3Uri
from infra.localcloud.machines.training_job import TrainingJob
from infra.localcloud.port import free_port

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingError(Exception):
    """The job fails; the message is its FailureReason."""


class TrainingRun:
    """Carries a job out in the calling thread. `stop` may come from any other."""

    def __init__(self, job: TrainingJob, site: Site) -> None:
        self._job = job
        self._site = site
        self._s3 = site.cloud.client("s3", job.region)
        self._folder = site.cloud.folder / "jobs" / job.region / job.name
        resources = job.request["ResourceConfig"]
        self._hosts = [f"algo-{number + 1}" for number in range(resources.get("InstanceCount", 1))]
        self._leashed: list[Leashed] = []
        self._lock = threading.Lock()
        definitions = job.request["AlgorithmSpecification"].get("MetricDefinitions") or []
        self._metrics = [(definition["Name"], re.compile(definition["Regex"])) for definition in definitions]

    def run(self) -> None:
        """Every phase in turn; whatever goes wrong, its folder goes and the job ends in a final status."""
        reason = None
        try:
            phase = self._run()
        except TrainingError as failure:
            phase, reason = "Failed", str(failure)
        except Exception as error:
            phase, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
            self._site.cloud.log.error("training job failed inside the cloud", job=self._job.name)
        remove_folders(self._folder)
        self._job.enter(phase, reason)

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM to every host's program, SIGKILL after the grace period."""
        with self._lock:
            for leashed in self._leashed:
                leashed.stop(grace_seconds)

    def _run(self) -> str:
        """Return the final phase; raise Failed with the reason where there is one."""
        job = self._job
        job.started_at = now()
        job.enter("Downloading")
        for host in self._hosts:
            make_folders(self._folder / host)
        self._download()
        checkpoints = self._checkpoints()
        phase, failure = "Completed", None
        if not job.stop_requested:
            job.enter("Training")
            phase, exits = self._train(checkpoints)
            failure = self._failure(exits) if phase == "Completed" else None
        if job.stop_requested:
            phase, failure = "Stopped", None
        job.enter("Uploading")
        self._upload_output(failure)
        return phase

    def _download(self) -> None:
        for channel in self._job.request.get("InputDataConfig") or []:
            source = channel["DataSource"]["S3DataSource"]
            folders = [self._folder / host / "input/data" / channel["ChannelName"] for host in self._hosts]
            try:
                self._download_channel(source, folders)
            except Exception as error:
                raise TrainingError(f"ClientError: Data download failed:{error}") from error

    def _download_channel(self, source: Payload, folders: list[Path]) -> None:
        uri = S3Uri.parse(source["S3Uri"])
        if source["S3DataType"] == "ManifestFile":
            objects = list(storage.keys_in_manifest(self._s3, uri))
        else:
            keys = storage.keys_under(self._s3, uri)
            objects = [(S3Uri(uri.bucket, key), storage.name_below(uri.key, key)) for key in keys]
        if not objects:
            raise LookupError(nothing_under(source["S3Uri"], self._job))
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        for number, folder in enumerate(folders):
            folder.mkdir(parents=True)
            for origin, name in objects[number :: len(folders)] if sharded else objects:
                storage.download(self._s3, origin, folder, name)

    def _checkpoints(self) -> CheckpointFolder | None:
        config = self._job.request.get("CheckpointConfig")
        if not config:
            return None
        base = self._folder / self._hosts[0]
        folder = in_container(base, config.get("LocalPath") or "/opt/ml/checkpoints")
        folder.mkdir(parents=True, exist_ok=True)
        for host in self._hosts[1:]:
            # Hosts of one job share the S3 place, and on one machine simply the folder.
            other = in_container(self._folder / host, config.get("LocalPath") or "/opt/ml/checkpoints")
            shutil.rmtree(other, ignore_errors=True)
            other.symlink_to(folder)
        checkpoints = CheckpointFolder(self._s3, folder, S3Uri.parse(config["S3Uri"]))
        checkpoints.restore()
        return checkpoints

    def _train(self, checkpoints: CheckpointFolder | None) -> tuple[str, list[Exit]]:
        """Run the containers; return how it ended (Completed, MaxRuntimeExceeded) and each host's exit."""
        job, limit = self._job, self._job.request.get("StoppingCondition") or {}
        deadline = time.monotonic() + limit.get("MaxRuntimeInSeconds", 86400)
        done = threading.Event()
        syncing = threading.Thread(target=self._keep_checkpoints, args=(checkpoints, done), daemon=True)
        logs = [self._open_log(host) for host in self._hosts]
        try:
            port = free_port()
            with self._lock:
                self._leashed = [
                    self._site.leashes.start(self._program(host, port), partial(self._on_line, log.write))
                    for host, log in zip(self._hosts, logs, strict=True)
                ]
            if job.stop_requested:  # It came in between, and found nothing to stop.
                self.stop(self._site.settings.stop_grace_seconds)
            syncing.start()
            ended_by = self._await(deadline)
            return ended_by, [leashed.exit.result() for leashed in self._leashed]
        finally:
            done.set()
            if syncing.ident:
                syncing.join()
            for log in logs:
                self._site.close_log(log)

    def _await(self, deadline: float) -> str:
        """Wait until every host's program has ended; one that fails ends the others, as on SageMaker."""
        exits = {leashed.exit for leashed in self._leashed}
        ended_by = "Completed"
        while exits:
            seconds = max(0.0, deadline - time.monotonic()) if ended_by == "Completed" else None
            ended, exits = wait(exits, timeout=seconds, return_when=FIRST_COMPLETED)
            if not ended:
                ended_by = "MaxRuntimeExceeded"
                self._job.enter("Stopping", "Training job runtime exceeded MaxRuntimeInSeconds")
                self.stop(self._site.settings.stop_grace_seconds)
            if any(exit.result().code for exit in ended):
                self.stop(self._site.settings.stop_grace_seconds)
        return ended_by

    def _program(self, host: str, port: int) -> Program:
        job, base = self._job, self._folder / host
        write_training_config(base, job.request, self._hosts, host)
        capacity = capacity_of(job.request["ResourceConfig"]["InstanceType"])
        environment = container_environment(self._site.cloud.url, job.region, self._site.program_folder(), base) | {
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
        }
        if len(self._hosts) > 1:
            # SageMaker's hosts find each other by name; here they are all this machine.
            environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        return Program(
            argv=training_command(job.request["AlgorithmSpecification"]),
            folder=base / "code",
            environment=environment | (job.request.get("Environment") or {}),
            vcpus=capacity.vcpus,
            memory_bytes=capacity.memory_bytes,
        )

    def _open_log(self, host: str) -> Any:
        stream = f"{self._job.name}/{host}-{int(time.time())}"
        return self._site.open_log(self._job.region, LOG_GROUP, stream)

    def _on_line(self, write: Callable[[str], None], line: str) -> None:
        write(line)
        for name, pattern in self._metrics:
            if found := pattern.search(line):
                try:
                    value = float(found[1])
                except (ValueError, IndexError):
                    continue
                self._job.observe(name, value)
                dimensions = (("TrainingJobName", self._job.name),)
                self._site.metrics.add(self._job.region, LOG_GROUP, dimensions, name, "None", value)

    def _keep_checkpoints(self, checkpoints: CheckpointFolder | None, done: threading.Event) -> None:
        if checkpoints is None:
            return
        ended = False
        while not ended:
            ended = done.wait(self._site.settings.checkpoint_seconds)
            try:
                checkpoints.sync(everything=ended)
            except Exception:
                self._site.cloud.log.error("checkpoints were not uploaded", job=self._job.name)

    def _upload_output(self, failure: TrainingError | None) -> None:
        """model.tar.gz and output.tar.gz of the first host; an empty folder makes none, a failed job no model."""
        base = self._folder / self._hosts[0]
        kms_key = self._job.request["OutputDataConfig"].get("KmsKeyId")
        archives = {"output.tar.gz": base / "output/data"} | ({} if failure else {"model.tar.gz": base / "model"})
        for name, folder in archives.items():
            if not storage.files_in(folder):
                continue
            try:
                storage.pack(folder, self._folder / name)
                storage.upload(self._s3, self._folder / name, self._job.output / name, kms_key)
            except Exception as error:
                raise failure or TrainingError(f"ClientError: Artifact upload failed:{error}") from error
        if failure:
            raise failure

    def _failure(self, exits: list[Exit]) -> TrainingError | None:
        worst = _worst(exits)
        if worst.code == 0:
            return None
        ending = f", exit code: {worst.code}"
        if worst.cause == "out of memory":
            instance_type = self._job.request["ResourceConfig"]["InstanceType"]
            limit = capacity_of(instance_type).memory_bytes // 2**20
            return TrainingError(
                "ClientError: Please use an instance type with more memory, or reduce the size of training data "
                f"processed on an instance. {instance_type} has {limit} MiB and the job reached "
                f"{worst.peak_memory_bytes // 2**20} MiB{ending}"
            )
        texts = [text for host in self._hosts if (text := failure_text(self._folder / host))]
        said = texts[0] if texts else _by_signal(worst.code) or "See job logs for more information"
        return TrainingError(f"AlgorithmError: {said[: 1000 - len(ending)]}{ending}")


def nothing_under(uri: str, job: TrainingJob) -> str:
    """SageMaker's words for an input channel without objects."""
    bucket = S3Uri.parse(uri).bucket
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({job.region}), that objects exist under that S3 prefix, and that the role "
        f'"{job.request["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def _worst(exits: list[Exit]) -> Exit:
    """The exit that explains the job: the first failure that was not a stop of ours."""
    own = [exit for exit in exits if exit.code and exit.cause != "stopped"]
    return (own or [exit for exit in exits if exit.code] or exits)[0]


def _by_signal(code: int) -> str:
    return f"The process was ended by signal {code - 128} before it could report a failure" if code > 128 else ""
