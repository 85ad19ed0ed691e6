"""Physical names: the one place that decides what a thing is called in an AWS account."""

from dataclasses import dataclass

from infra.spec import Environment
from infra.spec.errors import NamingError

# What AWS takes, by what shares one space of names.
_BUCKET, _ROLE, _REGIONAL = 63, 64, 63
# A role's name less "AWSServiceRoleForAutoScaling_", the longest that such a suffix is added to.
_SERVICE_ROLE_SUFFIX = 35
# What an environment has once, in its first region.
_ONCE = frozenset({"access", "bootstrap", "cost", "overview", "trail"})


def stack_id(environment: str, region: str, component: str) -> str:
    """Name a stack, everywhere that one is named; its state lies at ``environment/region/component.tfstate``."""
    return f"{environment}-{component}" if component in _ONCE else f"{environment}-{region}-{component}"


@dataclass(frozen=True)
class Names:
    """Names for the things of one environment in one region."""

    project: str
    environment: str
    region: str
    account_id: str

    @classmethod
    def of(cls, environment: Environment, region: str) -> "Names":
        """Return the names for `environment` in `region`."""
        return cls(environment.project, environment.name, region, environment.account_id)

    def bucket(self, purpose: str) -> str:
        """Name an S3 bucket: the whole world shares these names."""
        return self._joined(_BUCKET, self.project, self.environment, self.region, self.account_id, purpose)

    def role(self, purpose: str) -> str:
        """Name an IAM role, profile or policy: the regions of an account share these names."""
        return self._joined(_ROLE, self.project, self.environment, self.region, purpose)

    def regional(self, purpose: str, *, longest: int = _REGIONAL) -> str:
        """Name what is unique within one region of an account."""
        return self._joined(longest, self.project, self.environment, purpose)

    def job_logs(self, pool: str) -> str:
        """Name the log group of a pool's jobs; '*' stands for those of all pools."""
        return f"/aws/batch/{self.regional(pool)}"

    def log_group(self, purpose: str) -> str:
        """Name a log group of ours; AWS's own services choose theirs."""
        return f"/{self.project}/{self.environment}/{purpose}"

    def domain(self, purpose: str) -> str:
        """Name a zone of names that only one network resolves."""
        return f"{purpose}.{self.environment}.{self.project}.internal"

    def service_role_suffix(self) -> str:
        """Tell this region's service-linked role from those that the account has already."""
        return self._joined(_SERVICE_ROLE_SUFFIX, self.project[:9], self.environment, self.region)

    def job_events(self) -> str:
        """Name the SQS queue on which the news of machines and jobs arrive."""
        return self.regional("job-events")

    def dead_job_events(self) -> str:
        """Name the SQS queue of the news that nobody could read."""
        return f"{self.job_events()}-dead-letters"

    def reclaim_notices(self) -> str:
        """Name the SQS queue on which running jobs hear that their machine is taken away."""
        return self.regional("reclaim-notices")

    def event_logs(self) -> str:
        """Name the log group that keeps the news of machines and jobs."""
        return f"/aws/events/{self.regional('jobs')}"

    def _joined(self, longest: int, *parts: str) -> str:
        name = "-".join(parts).replace("_", "-")
        if len(name) > longest:
            raise NamingError(
                thing=f"the name of {parts[-1]!r}",
                value=f"{name!r}",
                rule=f"has {len(name)} characters where AWS takes {longest}",
                fix="shorten the project, the environment or the thing itself",
            )
        return name
