"""The words for a model that answers requests, and for the three ways in which AWS can host it."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from infra.spec.base import Spec
from infra.spec.errors import Problem, nearest
from infra.spec.instance_types import instance_types
from infra.spec.quotas import QuotaNeed, sagemaker, serverless
from infra.spec.release import AllAtOnce, Canary, ReleaseSpec, one_strategy

EndpointKind = Literal["serverless", "real-time", "async"]


class Serverless(Spec):
    """No instance and no cost while nobody asks; the first request after a pause waits for a cold start.

    AWS has neither data capture nor a place in a VPC for it.
    """

    title: ClassVar[str] = "serverless hosting"
    kind: ClassVar[EndpointKind] = "serverless"

    memory_mb: int = Field(
        default=2048, ge=1024, le=6144, multiple_of=1024, description="1024 to 6144 in steps of 1024"
    )
    max_concurrency: int = Field(default=5, ge=1, le=200, description="1 to 200 requests at a time")
    provisioned_concurrency: int = Field(
        default=0,
        ge=0,
        le=200,
        description="0 (scale to zero) to 200 requests that find a warm model, paid by the hour",
    )

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """Its places."""
        return serverless(self.max_concurrency)

    def broken_rules(self) -> Iterator[Problem]:
        """Warm places are some of all places."""
        if self.provisioned_concurrency > self.max_concurrency:
            rule = f"is above max_concurrency={self.max_concurrency}"
            yield self.problem(
                "provisioned_concurrency", rule, "raise max_concurrency or lower provisioned_concurrency"
            )


class ScheduleSpec(Spec):
    """Other bounds for the number of instances from a moment on, until another schedule comes."""

    title: ClassVar[str] = "schedule"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,23}$", description="up to 24 of a-z, 0-9 and '-', a letter first")
    at: str = Field(
        pattern=r"^(cron|rate|at)\(.+\)$", description="AWS's schedule expression: 'cron(0 7 ? * MON-FRI *)'"
    )
    timezone: str = Field(default="UTC", pattern=r"^[A-Za-z_]+(/[A-Za-z_+-]+)*$", description="such as 'Europe/Berlin'")
    min_instances: int = Field(ge=1, le=100, description="1 to 100")
    max_instances: int = Field(ge=1, le=100, description="1 to 100, min_instances or more")

    def broken_rules(self) -> Iterator[Problem]:
        """Bounds in order."""
        yield from _bounds_in_order(self)


class _OnInstances(Spec):
    """What hosting on instances always has."""

    instance_type: str = Field(default="ml.m5.large", description="'ml.' and an EC2 type")
    min_instances: int
    max_instances: int

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """Its instances, at the most."""
        return sagemaker(self.instance_type, "endpoint", most=self.max_instances, least=self.min_instances)

    @property
    def encrypts_its_own_disks(self) -> bool:
        """Whether the type has local disks: those are encrypted in hardware, and AWS refuses a KMS key for them."""
        family = self.instance_type.split(".")[1]
        return family.startswith(_WITH_LOCAL_DISKS) or "d" in family.lstrip("abcdefghijklmnopqrstuvwxyz")

    def broken_rules(self) -> Iterator[Problem]:
        """The type is known under its EC2 name, and the bounds are in order."""
        known = {f"ml.{name}" for name in instance_types()}
        if self.instance_type not in known:
            fix = nearest(self.instance_type, known, otherwise="see infra/spec/instance_types.csv, and add a line")
            yield self.problem("instance_type", "is no known SageMaker type", fix)
        yield from _bounds_in_order(self)


class RealTime(_OnInstances):
    """Instances that are always there, as many as the calls need; answers in milliseconds, also the first one."""

    title: ClassVar[str] = "real-time hosting"
    kind: ClassVar[EndpointKind] = "real-time"

    # One is lost with its zone. SageMaker scales such a variant to zero only with inference components, which cannot be
    # updated in one step with their endpoint: an endpoint that may sleep is Serverless or Async here.
    min_instances: int = Field(default=1, ge=1, le=100, description="1 to 100; 2 survive a lost zone")
    max_instances: int = Field(default=2, ge=1, le=100, description="1 to 100, min_instances or more")
    calls_per_minute: int = Field(
        default=600, ge=1, description="calls a minute that one instance is meant to answer, 1 or more"
    )
    schedules: tuple[ScheduleSpec, ...] = ()
    capture_percent: int = Field(
        default=0, ge=0, le=100, description="0 (keep no requests) to 100 percent of requests and answers to keep"
    )

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """Its instances, at the most that a schedule lets it have."""
        most = max(self.max_instances, *(schedule.max_instances for schedule in self.schedules), 0)
        return sagemaker(self.instance_type, "endpoint", most=most, least=self.min_instances)

    def broken_rules(self) -> Iterator[Problem]:
        """Schedules have names of their own."""
        yield from super().broken_rules()
        names = [schedule.name for schedule in self.schedules]
        for name in sorted({name for name in names if names.count(name) > 1}):
            rule = f"is there {names.count(name)} times"
            yield Problem(self.title, f"schedules: {name!r}", rule, "give each a name of its own")


class Async(_OnInstances):
    """A queue in front of instances: requests lie in S3, answers come there and are announced; sleeps when idle."""

    title: ClassVar[str] = "async hosting"
    kind: ClassVar[EndpointKind] = "async"

    min_instances: int = Field(default=0, ge=0, le=100, description="0 (scale to zero) to 100")
    max_instances: int = Field(default=1, ge=1, le=100, description="1 to 100, min_instances or more")
    backlog_per_instance: int = Field(
        default=5, ge=1, description="requests that may wait for each instance before another one starts, 1 or more"
    )
    concurrency: int = Field(default=4, ge=1, le=1000, description="1 to 1000 requests at a time on an instance")


Hosting = Serverless | RealTime | Async


def _one_hosting(value: Any) -> Any:
    """Refuse all else in one sentence, where pydantic would try each kind and complain of all."""
    if not isinstance(value, Hosting):
        raise ValueError("is no hosting")
    return value


class EndpointSpec(Spec):
    """A model behind a SageMaker endpoint."""

    title: ClassVar[str] = "endpoint"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,23}$", description="up to 24 of a-z, 0-9 and '-', a letter first")
    model: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="the name of a folder in ml/models/")
    hosting: Annotated[Hosting, BeforeValidator(_one_hosting)] = Field(
        default=Serverless(), description="Serverless(…), RealTime(…) or Async(…)"
    )
    max_error_percent: float = Field(default=1.0, gt=0, le=100, description="a share of failed calls, above 0 to 100")
    max_latency_ms: int = Field(default=1000, ge=1, description="milliseconds that 99 of 100 calls stay under")
    release: Annotated[ReleaseSpec | None, BeforeValidator(one_strategy)] = Field(
        default=None, description="Canary(…), BlueGreen(…), Shadow(…) or AllAtOnce(…)"
    )

    @property
    def kind(self) -> EndpointKind:
        """How it is hosted, in a word."""
        return self.hosting.kind

    @property
    def strategy(self) -> ReleaseSpec:
        """How a new release comes to its calls: as it says, else with the most care that its hosting allows."""
        return self.release or (Canary() if isinstance(self.hosting, RealTime) else AllAtOnce())

    def broken_rules(self) -> Iterator[Problem]:
        """Two releases side by side need hosting with two variants."""
        if isinstance(self.strategy, AllAtOnce) or isinstance(self.hosting, RealTime):
            return
        value, rule = (
            f"release={type(self.strategy).__name__}(…)",
            f"needs two variants, and {self.hosting.title} has one",
        )
        fix = "write release=AllAtOnce(bake_seconds=…) or hosting=RealTime(…)"
        yield Problem(f"{self.title} {self.name!r}", value, rule, fix)


# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
_WITH_LOCAL_DISKS = ("g4dn", "g5", "g6", "gr6", "p3dn", "p4", "p5", "p6", "trn1", "trn2", "i3", "i4")


def _bounds_in_order(word: Any) -> Iterator[Problem]:
    if word.min_instances > word.max_instances:
        rule = f"is above max_instances={word.max_instances}"
        yield word.problem("min_instances", rule, "raise max_instances or lower min_instances")
