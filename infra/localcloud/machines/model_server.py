"""One model server process, from the model's archive in S3 to its last request."""

import http.client
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from infra.localcloud.machines import storage
from infra.localcloud.machines.container import IMAGE_ENTRYPOINT, make_folders, remove_folders
from infra.localcloud.machines.instances import Capacity
from infra.localcloud.machines.leash import Exit, Program, container_environment
from infra.localcloud.machines.log_stream import LogStream
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.storage import S3Uri
from infra.localcloud.machines.upstream import Upstream
from infra.localcloud.port import free_port

POLL_SECONDS = 0.01
LAST_LINES = 3


class StartError(Exception):
    """The model server did not come up; the message is for whoever asked for it."""


@dataclass(frozen=True)
class ServerPlan:
    """What to serve, for whom, and on how much machine."""

    endpoint: str
    variant: str
    region: str
    account: str
    model_data: S3Uri | None
    environment: Mapping[str, str]
    capacity: Capacity

    @property
    def log_group(self) -> str:
        """Where SageMaker puts an endpoint's log."""
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"

    @property
    def dimensions(self) -> tuple[tuple[str, str], ...]:
        """By what CloudWatch tells its metrics apart."""
        return (("EndpointName", self.endpoint), ("VariantName", self.variant))


class Artefacts:
    """Unpacked model archives, one folder for each content (S3's ETag), shared by all servers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.cloud.folder / "endpoints" / "artefacts"
        self._lock = threading.Lock()

    def etag(self, region: str, uri: S3Uri) -> str:
        """Which content is there now. Raises StartError when there is none."""
        from botocore.exceptions import ClientError

        s3 = self._site.cloud.client("s3", region)
        try:
            return str(s3.head_object(Bucket=uri.bucket, Key=uri.key)["ETag"]).strip('"')
        except ClientError as error:
            raise StartError(f"Could not find model data at {uri}.") from error

    def fetch(self, region: str, uri: S3Uri) -> Path:
        """The folder with the unpacked archive. Raises StartError."""
        folder = self._folder / self.etag(region, uri)
        with self._lock:
            if not folder.exists():
                s3 = self._site.cloud.client("s3", region)
                try:
                    storage.unpack(s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"], folder)
                except Exception as error:
                    raise StartError(f"Failed to extract model data archive {uri}: {error}") from error
        return folder


class ModelServer:
    """A running server. `start` makes one; `stop` ends it."""

    def __init__(self, plan: ServerPlan, site: Site, artefacts: Artefacts) -> None:
        """Start the process and wait until it answers /ping. Raises StartError."""
        began = time.perf_counter()
        self.plan = plan
        self._site = site
        self._folder = site.cloud.folder / "endpoints" / f"{plan.endpoint}-{plan.variant}-{uuid.uuid4().hex[:8]}"
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        make_folders(self._folder)
        try:
            self._place_model(artefacts)
        except StartError:
            remove_folders(self._folder)
            raise
        self.log: LogStream = site.open_log(plan.region, plan.log_group, f"{plan.variant}/{uuid.uuid4().hex}")
        self.port = free_port()
        self.upstream = Upstream(self.port)
        self.leashed = site.leashes.start(self._program(), self._on_line)
        self.leashed.exit.add_done_callback(self._ended)
        self._await_ping()
        self.setup_seconds = time.perf_counter() - began

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.leashed.alive

    @property
    def log_stream_arn(self) -> str:
        """Where an error of this server can be read up."""
        group = f"arn:aws:logs:{self.plan.region}:{self.plan.account}:log-group:{self.plan.log_group}"
        return f"{group}:log-stream:{self.log.name}"

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the grace period. Returns at once."""
        self.leashed.stop(self._site.settings.server_grace_seconds)

    def _place_model(self, artefacts: Artefacts) -> None:
        if self.plan.model_data:
            model = self._folder / "model"
            model.rmdir()
            model.symlink_to(artefacts.fetch(self.plan.region, self.plan.model_data))

    def _program(self) -> Program:
        plan, cloud = self.plan, self._site.cloud
        environment = container_environment(cloud.url, plan.region, self._site.program_folder(), self._folder)
        return Program(
            argv=(*IMAGE_ENTRYPOINT, "serve"),
            folder=self._folder / "code",
            environment=environment | {"SAGEMAKER_BIND_TO_PORT": str(self.port)} | dict(plan.environment),
            vcpus=plan.capacity.vcpus,
            memory_bytes=plan.capacity.memory_bytes,
        )

    def _on_line(self, line: str) -> None:
        self._last_lines.append(line)
        self.log.write(line)

    def _await_ping(self) -> None:
        limit = self._site.settings.server_start_seconds
        deadline = time.monotonic() + limit
        said = "nothing"
        while time.monotonic() < deadline:
            if not self.alive:
                ended = self.leashed.exit.result()
                last = " / ".join(self._last_lines) or "it printed nothing"
                raise StartError(f"The container ended with {tell(ended)} before it answered its health check: {last}")
            said = self._ping()
            if said == "200":
                return
            time.sleep(POLL_SECONDS)
        self.leashed.kill()
        raise StartError(
            f"Unable to successfully stand up your model within the allotted {limit:g} second timeout. Please ensure "
            "that downloading your model artifacts, starting your model container and passing the ping health checks "
            f"can be completed within {limit:g} seconds. The last answer to GET /ping was: {said}"
        )

    def _ping(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()

    def _ended(self, exited: "Future[Exit]") -> None:
        ended = exited.result()
        if ended.cause not in ("stopped", "killed"):
            plan, words = self.plan, tell(ended)
            self.log.write(f"groundplan: the model server ended by itself with {words}")
            self._site.cloud.log.error("model server ended", endpoint=plan.endpoint, variant=plan.variant, how=words)
        self._site.close_log(self.log)
        remove_folders(self._folder)


def tell(ended: Exit) -> str:
    """How a process ended, in a sentence."""
    reason = f" ({ended.cause})" if ended.cause != "exited" else ""
    return f"exit code {ended.code}{reason}"
