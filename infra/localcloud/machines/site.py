"""What every machine of a cloud shares with the others."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.localcloud.cloud import Cloud
from infra.localcloud.machines.leash import Leashes
from infra.localcloud.machines.log_stream import LogStream
from infra.localcloud.machines.metering import Meter
from infra.localcloud.machines.metrics import MetricBuffer
from infra.localcloud.machines.settings import Settings
from infra.localcloud.machines.ticker import Ticker


@dataclass(frozen=True)
class Site:
    """The cloud, and the services that its machines report to."""

    cloud: Cloud
    settings: Settings
    meter: Meter
    metrics: MetricBuffer
    ticker: Ticker
    leashes: Leashes

    def program_folder(self) -> Path:
        """A folder with `ml` and nothing else, as in an image: what a job imports by accident here fails there too."""
        folder = self.cloud.folder / "program"
        folder.mkdir(exist_ok=True)
        link = folder / "ml"
        target = self.cloud.program / "ml"
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        return folder

    def open_log(self, region: str, group: str, stream: str) -> LogStream:
        """A stream that the ticker sends on its way until `close_log`."""
        log = LogStream(self.cloud.client("logs", region), group, stream)
        self.ticker.add(log.flush)
        return log

    def close_log(self, log: LogStream) -> None:
        """Send the last lines."""
        self.ticker.remove(log.flush)
        log.flush()


def now() -> datetime:
    """The time as AWS answers it."""
    return datetime.now(UTC)
