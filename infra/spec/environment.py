"""The words that join the others: a region, and an environment of one or more regions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import ClassVar

from pydantic import Field

from infra.spec.access import AccessSpec
from infra.spec.alerts import AlertsSpec
from infra.spec.api import ApiSpec
from infra.spec.audit import AuditSpec
from infra.spec.base import Spec, sound
from infra.spec.clusters import ClusterSpec
from infra.spec.cost import BudgetSpec
from infra.spec.edge import EdgeAccountSpec, EdgeFleetSpec
from infra.spec.errors import Problem
from infra.spec.existing import ExistingSpec
from infra.spec.github import GithubSpec
from infra.spec.gitlab import GitlabSpec
from infra.spec.gpu_pool import GpuPoolSpec
from infra.spec.network import AnyNetworkSpec, ExistingNetworkSpec, NetworkSpec
from infra.spec.preview import PreviewSpec
from infra.spec.quotas import QuotaNeed, total
from infra.spec.serving import EndpointSpec
from infra.spec.training import TrainingSpec

# Between the name of an environment and the number of the pull request that has a preview of it.
PREVIEW = "pr"

# The model of what serves no single one, and the time to live of what nobody ends: no key is ever missing.
SHARED, FOREVER = "shared", "never"


# What AWS takes for the value of a tag.
_TAG, _TAG_TAKES = r"^[A-Za-z0-9+=._:/@ -]{1,64}$", "up to 64 letters, digits, spaces and + - = . _ : / @"


class RegionSpec(Spec):
    """Everything that runs in one AWS region."""

    title: ClassVar[str] = "region"

    name: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[1-9]$", max_length=14, description="an AWS region: 'eu-west-1'")
    network: AnyNetworkSpec = Field(description="NetworkSpec(…) or ExistingNetworkSpec(…)")
    existing: ExistingSpec = Field(default=ExistingSpec(), description="ExistingSpec(…): a key and buckets to use")
    gpu_pools: tuple[GpuPoolSpec, ...] = ()
    clusters: tuple[ClusterSpec, ...] = ()
    training: TrainingSpec = TrainingSpec()
    endpoints: tuple[EndpointSpec, ...] = ()
    api: ApiSpec | None = Field(default=None, description="ApiSpec(…) in front of the endpoints, or None")
    edge_fleets: tuple[EdgeFleetSpec, ...] = ()
    edge_account: EdgeAccountSpec | None = Field(
        default=EdgeAccountSpec(),
        description="EdgeAccountSpec(…), or None where another environment in this account and region has it",
    )

    @property
    def queued(self) -> tuple[tuple[GpuPoolSpec, ...], ...]:
        """The GPU pools together, if there are any."""
        return (self.gpu_pools,) if self.gpu_pools else ()

    @property
    def apis(self) -> tuple[ApiSpec, ...]:
        """The API, if there is one."""
        return (self.api,) if self.api else ()

    @property
    def answering_at_once(self) -> tuple[str, ...]:
        """The endpoints that answer in the request itself, by name; the others are asked through S3."""
        return tuple(endpoint.name for endpoint in self.endpoints if endpoint.kind != "async")

    @property
    def all_quota_needs(self) -> tuple[QuotaNeed, ...]:
        """What everything in this region together may ask of AWS's service quotas."""
        return total(need for word in self.words() for need in word.quota_needs)

    @property
    def has_fabric(self) -> bool:
        """Whether nodes of one job talk over EFA here."""
        return any(pool.efa_interfaces for pool in self.gpu_pools)

    @property
    def brought(self) -> tuple[str, ...]:
        """The buckets that others keep for this region, each once."""
        named = (self.existing.data_bucket, self.existing.artifact_bucket)
        archives = (log.bucket for log in self.network.log_archives)
        return tuple(sorted({bucket for bucket in (*named, *archives) if bucket}))

    @property
    def models(self) -> tuple[str, ...]:
        """The models that endpoints and devices of this region run, each once."""
        served = {endpoint.model for endpoint in self.endpoints}
        return tuple(sorted(served | {fleet.model for fleet in self.edge_fleets}))

    def broken_rules(self) -> Iterator[Problem]:
        """Names are unique, a key is of the region that it is used in, and pools stand in zones that there are."""
        yield from sound(_repeated(self, "gpu_pools", (pool.name for pool in self.gpu_pools)))
        yield from sound(_repeated(self, "clusters", (cluster.name for cluster in self.clusters)))
        yield from sound(_repeated(self, "endpoints", (endpoint.name for endpoint in self.endpoints)))
        yield from sound(_repeated(self, "edge_fleets", (fleet.name for fleet in self.edge_fleets)))
        yield from sound(self._foreign_key())
        yield from sound(self._zones())
        yield from sound(self._way_to_api())

    def _way_to_api(self) -> Iterator[Problem]:
        if self.api and not self.answering_at_once:
            rule = f"has no serverless or real-time endpoint of region {self.name!r} behind it"
            yield self.api.problem("reach", rule, "add one, or leave the API away")
        if self.api and self.api.reach == "private" and "execute-api" not in self.network.interface_services:
            rule = f"has no way in from the network of region {self.name!r}"
            fix = "add 'execute-api' to the network's interface_endpoints, or choose reach='regional'"
            yield self.api.problem("reach", rule, fix)

    def _zones(self) -> Iterator[Problem]:
        for pool in self.gpu_pools:
            if pool.zone >= self.network.zones:
                rule = f"is none of the {self.network.zones} zones of region {self.name!r}"
                yield pool.problem("zone", rule, f"give 0 to {self.network.zones - 1}")

    def _foreign_key(self) -> Iterator[Problem]:
        key = self.existing.key_arn
        if key and key.split(":")[3] != self.name:
            rule = f"is a key of another region than {self.name!r}"
            yield Problem(
                f"region {self.name!r}", f"key_arn={key!r}", rule, "bring a key of this region, or its replica"
            )


class StateSpec(Spec):
    """The S3 bucket that keeps Terraform's state."""

    title: ClassVar[str] = "state"

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", description="a bucket name without dots")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[1-9]$", description="an AWS region: 'eu-west-1'")


class EmbeddedCloud(Spec):
    """The AWS on this machine: any number can run, each by its name."""

    title: ClassVar[str] = "embedded cloud"

    name: str = Field(default="default", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="a word of a-z, 0-9 and '-'")


class AwsAccount(Spec):
    """A real account, reached with the credentials at hand and, if named, a role in it."""

    title: ClassVar[str] = "AWS account"

    role_arn: str | None = Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$", description="a role's ARN"
    )


class Environment(Spec):
    """One copy of the platform. What differs between two copies is written in them and nowhere else."""

    title: ClassVar[str] = "environment"

    # No hyphen: `cdktf deploy 'dev-*'` must not catch an environment 'dev-eu'.
    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,9}$", description="2 to 10 of a-z and 0-9, a letter first")
    # As long as a bucket name can bear beside environment, region, account and purpose.
    project: str = Field(
        default="groundplan", pattern=r"^[a-z][a-z0-9-]{1,13}$", description="2 to 14 of a-z, 0-9, '-'"
    )
    account_id: str = Field(pattern=r"^\d{12}$", description="12 digits in quotes")
    owner: str = Field(pattern=_TAG, description=f"who answers for it; a tag on every resource: {_TAG_TAKES}")
    cost_centre: str = Field(pattern=_TAG, description=f"who pays for it; a tag on every resource: {_TAG_TAKES}")
    target: EmbeddedCloud | AwsAccount = Field(description="EmbeddedCloud() or AwsAccount()")
    state: StateSpec
    github: GithubSpec | None = Field(default=None, description="GithubSpec(…), or None where no workflow deploys")
    gitlab: GitlabSpec | None = Field(default=None, description="GitlabSpec(…), or None where no pipeline plans")
    regions: tuple[RegionSpec, ...] = Field(min_length=1, description="1 or more RegionSpec(…)")
    budget: BudgetSpec
    image_tag: str = Field(
        default="v1", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", description="the tag of the image that CI pushed"
    )
    old_versions_days: int | None = Field(
        default=90, ge=1, description="days that a replaced object stays readable, or None for as long as its bucket"
    )
    access: AccessSpec = AccessSpec()
    alerts: AlertsSpec = AlertsSpec()
    audit: AuditSpec | None = Field(default=AuditSpec(), description="AuditSpec(…), or None to record nothing")
    guarded: bool = Field(default=True, description="True: buckets and keys with contents cannot be destroyed")
    preview: PreviewSpec | None = Field(
        default=None, description="PreviewSpec(…): what pull requests get for themselves, or None for nothing"
    )
    ttl_hours: int | None = Field(
        default=None,
        ge=1,
        le=24 * 365,
        description="hours after which a reaper stops what costs money here (1 to 8760), or None for never",
    )

    @property
    def repositories(self) -> tuple[GithubSpec, ...]:
        """The repository that deploys it, if there is one."""
        return () if self.github is None else (self.github,)

    @property
    def gitlab_projects(self) -> tuple[GitlabSpec, ...]:
        """The project whose pipelines plan it, if there is one."""
        return () if self.gitlab is None else (self.gitlab,)

    @property
    def lifetimes(self) -> tuple[int, ...]:
        """The hours that things live here, or nothing."""
        return () if self.ttl_hours is None else (self.ttl_hours,)

    @property
    def previews(self) -> tuple[PreviewSpec, ...]:
        """What pull requests may try, if they may."""
        return () if self.preview is None else (self.preview,)

    def preview_of(self, number: int, spec: PreviewSpec) -> "Environment":
        """Return what pull request `number` gets: the first region, cheap, mortal, and without what is only once.

        An account has one trail, one registry of devices and one watch for anomalies: they stay with this environment,
        as its data do, and nobody is woken by a preview.
        """
        first = self.regions[0]
        network = first.network
        if isinstance(network, NetworkSpec):
            network = NetworkSpec(**(dict(network) | {"cidr": spec.cidr}))
        own = {"network": network, "existing": ExistingSpec(), "edge_fleets": (), "edge_account": None}
        budget = {"monthly_usd": spec.monthly_usd, "anomaly_usd": None, "payer": None}
        changes = {
            "name": f"{self.name}{PREVIEW}{number}",
            "regions": (RegionSpec(**(dict(first) | own)),),
            "budget": BudgetSpec(**(dict(self.budget) | budget)),
            "ttl_hours": spec.ttl_hours,
            "github": None,
            "gitlab": None,
            "preview": None,
            "audit": None,
            "alerts": AlertsSpec(),
            "guarded": False,
        }
        return Environment(**(dict(self) | changes))

    def tags(self, component: str, model: str = SHARED) -> dict[str, str]:
        """Return what everything of this environment is tagged with: the bill is split by these keys, no others."""
        return {
            "project": self.project,
            "environment": self.name,
            "owner": self.owner,
            "cost_centre": self.cost_centre,
            "component": component,
            "model": model,
            "ttl": f"{self.ttl_hours}h" if self.ttl_hours else FOREVER,
        }

    def broken_rules(self) -> Iterator[Problem]:
        """Regions are named once, their networks could be joined, and names bear to be joined with others."""
        yield from sound(_repeated(self, "regions", (region.name for region in self.regions)))
        for one, other in combinations(self.regions, 2):
            yield from sound(self._overlap(one, other))
        for word in self.words():
            yield from _loose_hyphens(word)

    def _overlap(self, one: RegionSpec, other: RegionSpec) -> Iterator[Problem]:
        kinds = {type(one.network), type(other.network)}
        if kinds == {ExistingNetworkSpec}:
            return  # Nobody here can move them.
        if one.network.block.overlaps(other.network.block):
            value = f"cidr={one.network.cidr!r} of region {one.name!r}"
            rule = f"overlaps cidr={other.network.cidr!r} of region {other.name!r}"
            yield Problem(f"environment {self.name!r}", value, rule, "give each region a network of its own")


def _loose_hyphens(word: Spec) -> Iterator[Problem]:
    """SageMaker refuses a name that ends in a hyphen, ECR one with two in a row; ours become parts of theirs."""
    for field in ("name", "project", "model"):
        value = word.__dict__.get(field)
        # In AWS's names an underscore becomes a hyphen.
        if isinstance(value, str) and ("--" in (name := value.replace("_", "-")) or name.endswith("-")):
            yield word.problem(field, "has two hyphens in a row or ends in one", "put a hyphen between words only")


def _repeated(owner: RegionSpec | Environment, field: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            thing = f"{owner.title} {owner.name!r}"
            yield Problem(thing, f"{field}: {name!r}", f"is there {count} times", "give each a name of its own")
