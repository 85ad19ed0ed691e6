"""Names of the variables, channels and paths that the platform hands a job: the one fact both sides import.

The folders are Amazon SageMaker's container contract (its developer guide: "How Amazon SageMaker Provides Training
Information" and "Use Your Own Inference Code with Hosting Services"). This is the only file in `ml` that reads the
environment; every other one is given a `Container`.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from ml.errors import InputError

BASE_DIR_VARIABLE = "SAGEMAKER_BASE_DIR"
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
PUBLIC_KEY_VARIABLE = "GROUNDPLAN_BUNDLE_PUBLIC_KEY"
COMMIT_VARIABLE = "GROUNDPLAN_GIT_COMMIT"
JOB_VARIABLE = "TRAINING_JOB_NAME"
THREADS_VARIABLE = "GROUNDPLAN_THREADS"
# Of a model server: its processes, the rows that may wait for a model, the longest wait of a batch for company, and the
# share of requests that it keeps with their answers, for where no platform does.
WORKERS_VARIABLE = "GROUNDPLAN_WORKERS"
QUEUE_ROWS_VARIABLE = "GROUNDPLAN_QUEUE_ROWS"
BATCH_DELAY_VARIABLE = "GROUNDPLAN_BATCH_DELAY_MS"
CAPTURE_VARIABLE = "GROUNDPLAN_CAPTURE_PERCENT"
# Empty, a run is not tracked; unset, in a file of its own.
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
# The SDKs' own variable. Set by who starts a job on a spot machine; watched then for what happens to the machine.
METADATA_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
# Where shards that a job streams are kept, and how much of the disk they may take. In a folder of the machine's all its
# jobs share them, later ones too; by default they lie, and go, with the job's own files.
DATA_CACHE_VARIABLE = "GROUNDPLAN_DATA_CACHE"
DATA_CACHE_GIB_VARIABLE = "GROUNDPLAN_DATA_CACHE_GIB"
NOTICE_SECONDS_VARIABLE = "GROUNDPLAN_NOTICE_SECONDS"
# Where containers cannot reach the metadata service: the URL of a queue of EventBridge's news of spot machines, and the
# id that EC2 gave this one.
NOTICE_QUEUE_VARIABLE = "GROUNDPLAN_NOTICE_QUEUE"
INSTANCE_VARIABLE = "GROUNDPLAN_INSTANCE_ID"
# Where nobody copies the folder of checkpoints to S3, as SageMaker does: s3://bucket/prefix, the same for a whole run.
CHECKPOINTS_VARIABLE = "GROUNDPLAN_CHECKPOINTS"

# What a job of a Batch pool finds: nobody there moves its files, as SageMaker does.
DATA_BUCKET_VARIABLE = "GROUNDPLAN_DATA_BUCKET"
ARTIFACT_BUCKET_VARIABLE = "GROUNDPLAN_ARTIFACT_BUCKET"
KMS_KEY_VARIABLE = "GROUNDPLAN_KMS_KEY_ARN"
# What it is to do: an `ml.launchers.assignment.Assignment`.
ASSIGNMENT_VARIABLE = "GROUNDPLAN_ASSIGNMENT"

TRAINING_CHANNEL = "training"
MODEL_CHANNEL = "model"
# Of an optimization: texts of other domains than the model was trained on.
ELSEWHERE_CHANNEL = "elsewhere"
# What a training job leaves in model/, packed by the platform, and what it is called in the next job's model channel.
MODEL_ARCHIVE = "model.tar.gz"


@dataclass(frozen=True, kw_only=True)
class Place:
    """This process among the others of its run; without torchrun it is rank 0 of 1."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    machine: int = 0
    machines: int = 1


@dataclass(frozen=True, kw_only=True)
class Machine:
    """This machine among the others of its run; `main` is the address of the first."""

    number: int = 0
    count: int = 1
    main: str = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Container:
    """What the platform hands a job: where its files are, and what its variables say."""

    base: Path
    port: int = 8080
    public_key_pem: str | None = None
    tracking_uri: str | None = None
    job_name: str | None = None
    git_commit: str | None = None
    threads: int | None = None
    workers: int = 1
    queue_rows: int = 512
    batch_delay_ms: int = 2
    capture_percent: int = 0
    place: Place | None = None
    machine: Machine | None = None
    assignment: str | None = None
    metadata_endpoint: str | None = None
    notice_seconds: float = 5.0
    notice_queue: str | None = None
    instance_id: str | None = None
    checkpoint_copies: str | None = None
    shared_data_cache: Path | None = None
    data_cache_gib: int = 16

    @property
    def configuration(self) -> Path:
        """Folder of hyperparameters.json, inputdataconfig.json and resourceconfig.json."""
        return self.base / "input" / "config"

    def channel(self, name: str) -> Path:
        """Folder of an input channel's files."""
        return self.base / "input" / "data" / name

    @property
    def data_cache(self) -> Path:
        """Folder of the shards that the machine's jobs read from S3."""
        return self.shared_data_cache or self.base / "data-cache"

    @property
    def model(self) -> Path:
        """Where a job leaves its model, and where a server finds it."""
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        """What else a job leaves: tracking database, plots."""
        return self.base / "output" / "data"

    @property
    def captured(self) -> Path:
        """Where a server keeps requests with their answers, if it is to."""
        return self.base / "output" / "captured"

    @property
    def failure(self) -> Path:
        """File whose first 1,024 characters the platform shows as FailureReason."""
        return self.base / "output" / "failure"

    @property
    def checkpoints(self) -> Path:
        """Folder that the platform keeps in step with S3 and restores when a job starts again."""
        return self.base / "checkpoints"


def container() -> Container:
    """Read the environment, once, when the command starts."""
    read = os.environ.get
    return Container(
        base=Path(read(BASE_DIR_VARIABLE, "/opt/ml")),
        port=_number(PORT_VARIABLE, 8080),
        public_key_pem=read(PUBLIC_KEY_VARIABLE),
        tracking_uri=read(TRACKING_VARIABLE),
        job_name=read(JOB_VARIABLE) or None,
        git_commit=read(COMMIT_VARIABLE),
        threads=_number(THREADS_VARIABLE, 0) or None,
        workers=_number(WORKERS_VARIABLE, 1) or 1,
        queue_rows=_number(QUEUE_ROWS_VARIABLE, 512),
        batch_delay_ms=_number(BATCH_DELAY_VARIABLE, 2),
        capture_percent=_number(CAPTURE_VARIABLE, 0),
        place=_place() if "WORLD_SIZE" in os.environ else None,
        machine=_batch_node() if "AWS_BATCH_JOB_NODE_INDEX" in os.environ else None,
        assignment=read(ASSIGNMENT_VARIABLE),
        metadata_endpoint=read(METADATA_VARIABLE),
        notice_seconds=_seconds(NOTICE_SECONDS_VARIABLE, 5.0),
        notice_queue=read(NOTICE_QUEUE_VARIABLE) or None,
        instance_id=read(INSTANCE_VARIABLE) or None,
        checkpoint_copies=read(CHECKPOINTS_VARIABLE) or None,
        shared_data_cache=Path(shared) if (shared := read(DATA_CACHE_VARIABLE)) else None,
        data_cache_gib=_number(DATA_CACHE_GIB_VARIABLE, 16),
    )


def _place() -> Place:
    """Read what torchrun tells each process that it starts."""
    size, on_machine = _number("WORLD_SIZE", 1), _number("LOCAL_WORLD_SIZE", 1)
    return Place(
        rank=_number("RANK", 0),
        size=size,
        local_rank=_number("LOCAL_RANK", 0),
        machine=_number("GROUP_RANK", 0),
        machines=max(1, size // max(1, on_machine)),
    )


def worker_environment(container: Container, place: Place, main: str, port: int) -> dict[str, str]:
    """Return this process's variables, and what torchrun would tell a process that it starts in this place."""
    told = {
        "RANK": place.rank,
        "WORLD_SIZE": place.size,
        "LOCAL_RANK": place.local_rank,
        "LOCAL_WORLD_SIZE": place.size // place.machines,
        "GROUP_RANK": place.machine,
        "MASTER_ADDR": main,
        "MASTER_PORT": port,
        JOB_VARIABLE: container.job_name or "",
        CHECKPOINTS_VARIABLE: container.checkpoint_copies or "",
    }
    # As torchrun does: processes of one machine would else take its cores from each other.
    threads = {"OMP_NUM_THREADS": "1"} if place.size > place.machines else {}
    return threads | dict(os.environ) | {name: str(value) for name, value in told.items()}


def _batch_node() -> Machine:
    """Read what AWS Batch tells each node of a multi-node job; the first is not told its own address."""
    return Machine(
        number=_number("AWS_BATCH_JOB_NODE_INDEX", 0),
        count=_number("AWS_BATCH_JOB_NUM_NODES", 1),
        main=os.environ.get("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS", "127.0.0.1"),
    )


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise InputError(f"variable {name}", repr(text), "is no whole number", "set it to one, or unset it")
    return int(text)


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InputError(
            f"variable {name}", repr(text), "is no number of seconds above 0", "set it to one, or unset it"
        )
    return seconds


def let_waiting_threads_sleep() -> None:
    """Set OpenMP's wait policy, read when torch is first imported: 1.6 times the speed beside a busy neighbour."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
