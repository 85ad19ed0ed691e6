"""What was used, by whom, and what it costs: the source of Cost Explorer's answers."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from infra.localcloud.event_log import EventLog
from infra.prices import OLD_DAYS, PRICES, Price, prices

SAGEMAKER = "Amazon SageMaker"

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Owner:
    """Who pays: a resource with the tags that it has now."""

    arn: str
    account: str
    region: str
    tags: Tags


@dataclass(frozen=True)
class Line:
    """What a bill tells apart: an hour, a resource with the tags that it had then, and a kind of use."""

    hour: datetime
    owner: Owner
    usage_type: str
    unit: str
    instance_type: str = "NoInstanceType"
    service: str = SAGEMAKER


@dataclass(frozen=True)
class Usage:
    """One line with its amounts."""

    line: Line
    quantity: float
    usd: float


def tags_of(tags: list[dict[str, str]]) -> Tags:
    """AWS's list of Key and Value as a value that can be compared."""
    return tuple(sorted({tag["Key"]: tag["Value"] for tag in tags}.items()))


class Meter:
    """Adds up usage by line. Whatever runs on without an event of its own registers `before_reading`."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._amounts: dict[Line, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        self._noted: set[tuple[str, str]] = set()
        self._settle: list[Callable[[], None]] = []

    def before_reading(self, settle: Callable[[], None]) -> None:
        """Let `settle` record what has accrued whenever somebody asks for the bill."""
        self._settle.append(settle)

    def instance(self, owner: Owner, use: str, instance_type: str, seconds: float) -> None:
        """Seconds of an instance, for `use` as AWS's usage types call it: Train or Host."""
        line = self._line(owner, f"{use}:{instance_type}", "Hrs", instance_type)
        self._add(line, instance_type, seconds / 3600)

    def serverless(self, owner: Owner, memory_mb: int, seconds: float) -> None:
        """Seconds of requests on a serverless endpoint of a memory size."""
        line = self._line(owner, f"ServerlessInf:Mem-{memory_mb // 1024}GB", "GB-Seconds")
        self._add(line, "serverless", memory_mb / 1024 * seconds)

    def read(self) -> list[Usage]:
        """Everything used up to now."""
        for settle in self._settle:
            settle()
        with self._lock:
            return [Usage(line, quantity, usd) for line, (quantity, usd) in self._amounts.items()]

    @staticmethod
    def _line(owner: Owner, use: str, unit: str, instance_type: str = "NoInstanceType") -> Line:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        return Line(hour, owner, f"{_abbreviation(owner.region)}-{use}", unit, instance_type)

    def _add(self, line: Line, product: str, quantity: float) -> None:
        price = prices().get((product, line.owner.region))
        if price is None:
            # A use without a price must not look free: it shows under a name of its own, and once in the log.
            line = replace(line, usage_type=f"NoPrice:{line.usage_type}")
        self._note_price(product, line.owner.region, price)
        with self._lock:
            held_quantity, held_usd = self._amounts[line]
            self._amounts[line] = (held_quantity + quantity, held_usd + quantity * (price.usd if price else 0.0))

    def _note_price(self, product: str, region: str, price: Price | None) -> None:
        """Say once what is wrong with a price: that there is none, or that it is old."""
        with self._lock:
            known = (product, region) in self._noted
            self._noted.add((product, region))
        if known:
            return
        if price is None:
            self._log.error("no price", product=product, region=region, fix=f"add a line to {PRICES.name}")
        elif (date.today() - price.as_of).days > OLD_DAYS:
            self._log.warning(
                "old price", product=product, region=region, as_of=price.as_of, fix="run `groundplan prices refresh`"
            )


def _abbreviation(region: str) -> str:
    """`us-east-1` → `USE1`, as usage types begin."""
    area, direction, number = region.rsplit("-", 2)
    return f"{area.replace('-', '')}{direction[0]}{number}".upper()
