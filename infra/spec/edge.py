"""The words for models that run on devices: a fleet, its waves, how an update rolls out, and what devices send back."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec, sound
from infra.spec.errors import Problem
from infra.spec.quotas import QuotaNeed, edge_fleet

REST = "rest"
"""The wave of all devices that no other wave takes. It comes last."""

LONGEST_NAME = 10
"""AWS takes 36 characters for a provisioning template: project, environment and two hyphens leave these."""


class WaveSpec(Spec):
    """Devices that get an update before the next wave does: a number of them, or a share of the fleet."""

    title: ClassVar[str] = "wave"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,15}$", description="up to 16 of a-z, 0-9 and '-', a letter first")
    devices: int | None = Field(default=None, ge=1, description="1 or more devices, or None where percent is given")
    percent: int | None = Field(default=None, ge=1, le=99, description="1 to 99 of 100 devices, or None")

    def broken_rules(self) -> Iterator[Problem]:
        """A size, and one only."""
        if (self.devices is None) == (self.percent is None):
            rule = f"and percent={self.percent} are {'both' if self.devices else 'neither'} given"
            yield self.problem("devices", rule, "give one of the two")
        if self.name in (REST, "fleet"):
            yield self.problem("name", "is a group that every fleet has", "choose another name")


class JobRolloutSpec(Spec):
    """How fast an update spreads within a wave, and when it stops by itself (AWS IoT jobs)."""

    title: ClassVar[str] = "job roll-out"

    start_per_minute: int = Field(default=5, ge=1, le=1000, description="1 to 1000 devices in the first minutes")
    increment_factor: float = Field(default=2.0, ge=1.1, le=5, description="1.1 to 5.0: how much faster each step is")
    faster_after_successes: int = Field(default=5, ge=1, description="1 or more successes before each step")
    maximum_per_minute: int = Field(default=100, ge=1, le=1000, description="1 to 1000 devices a minute at most")
    abort_percent: float = Field(default=10.0, gt=0, le=100, description="above 0 to 100: failures that stop the job")
    abort_after_devices: int = Field(default=3, ge=1, description="1 or more devices done before failures count")
    timeout_minutes: int = Field(default=30, ge=1, le=10_080, description="1 to 10080 minutes for one device's update")
    retries: int = Field(default=1, ge=0, le=10, description="0 to 10 further tries after a device's time-out")

    def broken_rules(self) -> Iterator[Problem]:
        """The start is no faster than the fastest; AWS takes one digit after the point."""
        if round(self.increment_factor, 1) != self.increment_factor:
            yield self.problem("increment_factor", "has more than one digit after the point", "round it")
        if self.start_per_minute > self.maximum_per_minute:
            rule = f"is above maximum_per_minute={self.maximum_per_minute}"
            yield self.problem("start_per_minute", rule, "raise maximum_per_minute or lower start_per_minute")


class TelemetrySpec(Spec):
    """What devices tell of their predictions, and how long the lake keeps it."""

    title: ClassVar[str] = "telemetry"

    sample_percent: int = Field(default=10, ge=1, le=100, description="1 to 100: the share of predictions that is sent")
    keep_days: int | None = Field(default=365, ge=1, description="1 or more days in the lake, or None for ever")
    buffer_seconds: int = Field(default=300, ge=60, le=900, description="60 to 900 seconds until a file is written")
    silent_minutes: int | None = Field(
        default=60, ge=5, le=1440, description="5 to 1440 minutes without a message, or None where silence is no news"
    )
    buffer_mb: int = Field(default=64, ge=1, le=128, description="1 to 128 MB until a file is written")


class EdgeFleetSpec(Spec):
    """Devices that run one model. Each is a thing of AWS IoT Core with a certificate of its own."""

    title: ClassVar[str] = "edge fleet"

    name: str = Field(
        pattern=rf"^[a-z][a-z0-9-]{{0,{LONGEST_NAME - 1}}}$",
        description=f"up to {LONGEST_NAME} of a-z, 0-9 and '-', a letter first",
    )
    model: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="the name of a folder in ml/models/")
    waves: tuple[WaveSpec, ...] = Field(
        default=(WaveSpec(name="canary", devices=5), WaveSpec(name="early", percent=20)),
        min_length=1,
        max_length=8,
        description="1 to 8 WaveSpec(…), the canary first; all other devices are the last wave",
    )
    max_offline_percent: float = Field(
        default=20.0, gt=0, le=100, description="above 0 to 100: the share of devices that may be away"
    )
    rollout: JobRolloutSpec = JobRolloutSpec()
    telemetry: TelemetrySpec = TelemetrySpec()
    attributes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], ...] = Field(
        default=("hardware",), max_length=3, description="up to 3 facts that a device registers with: ('hardware',)"
    )
    session_minutes: int = Field(
        default=15, ge=15, le=720, description="15 to 720 minutes that a device's AWS credentials live"
    )
    pre_provisioning_hook_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}$",
        description="a Lambda function's ARN that knows which serial numbers are yours, or None",
    )
    keep_logs_days: Literal[7, 14, 30, 60, 90, 180, 365] = Field(
        default=90, description="7, 14, 30, 60, 90, 180 or 365 days of device and job events"
    )

    @property
    def groups(self) -> tuple[str, ...]:
        """The waves' names in the order of an update: the canary first, the rest last."""
        return (*(wave.name for wave in self.waves), REST)

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """A stream of telemetry into the lake; a rule for it, for each kind of news, and one that counts failures."""
        return edge_fleet(topic_rules=5, delivery_streams=1)

    def size(self, group: str) -> tuple[int | None, int | None]:
        """Return how many devices belong into a wave, and how many of 100; neither for the rest."""
        return next(((wave.devices, wave.percent) for wave in self.waves if wave.name == group), (None, None))

    def broken_rules(self) -> Iterator[Problem]:
        """Waves leave somebody for the last one, and each can stop a bad update."""
        yield from sound(self._waves())
        yield from sound(self._waves_that_cannot_stop())
        yield from sound(self._repeated_attributes())

    def _waves(self) -> Iterator[Problem]:
        for name, count in Counter(wave.name for wave in self.waves).items():
            if count > 1:
                yield self._about(f"waves: {name!r}", f"is there {count} times", "give each wave a name of its own")
        shares = sum(wave.percent or 0 for wave in self.waves)
        if shares >= 100:
            yield self._about("waves", f"take {shares} percent of the fleet", f"leave some for the wave {REST!r}")

    def _waves_that_cannot_stop(self) -> Iterator[Problem]:
        for wave in self.waves:
            if wave.devices is not None and wave.devices < self.rollout.abort_after_devices:
                rule = f"has {wave.devices} devices, and failures count after {self.rollout.abort_after_devices}"
                fix = "lower rollout.abort_after_devices or put more devices into the wave"
                yield self._about(f"wave {wave.name!r}", rule, fix)

    def _repeated_attributes(self) -> Iterator[Problem]:
        for name, count in Counter(self.attributes).items():
            if count > 1 or name in ("serial", "wave"):
                rule = f"is there {count} times" if count > 1 else "is a parameter that every device registers with"
                yield self._about(f"attributes: {name!r}", rule, "name each fact once, none of them serial or wave")

    def _about(self, value: str, rule: str, fix: str) -> Problem:
        return Problem(f"{self.title} {self.name!r}", value, rule, fix)


class EdgeAccountSpec(Spec):
    """What AWS IoT has once in an account and region: what is logged, indexed, announced and audited.

    Where two environments share an account, one of them holds it and the other says `edge_account=None`.
    """

    title: ClassVar[str] = "edge account"

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = Field(
        default="WARN", description="'DEBUG', 'INFO', 'WARN' or 'ERROR'"
    )
    keep_logs_days: Literal[30, 60, 90, 180, 365, 731] = Field(
        default=365, description="30, 60, 90, 180, 365 or 731 days of AWS IoT's own log"
    )
    audit: Literal["DAILY", "WEEKLY", "off"] = Field(
        default="WEEKLY", description="'DAILY', 'WEEKLY' or 'off': how often Device Defender looks for weak devices"
    )
