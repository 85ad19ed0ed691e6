"""What the parts of an edge fleet are called, and on which topics its devices speak."""

import hashlib
from dataclasses import dataclass

from infra.naming import Names
from infra.spec import EdgeFleetSpec

THING = "{thing}"
"""Stands in a topic for a device's own name."""

SHADOW = "model"
"""The named shadow in which a device reports what it runs; the fleet index looks into it."""

_TEMPLATE, _JOB_TEMPLATE = 36, 64


@dataclass(frozen=True)
class EdgeNames:
    """Names of one fleet. Its things, jobs and clients begin with `prefix`: policies and rules know it by that."""

    names: Names
    fleet: str

    @classmethod
    def of(cls, names: Names, spec: EdgeFleetSpec) -> "EdgeNames":
        """Return the names for `spec`."""
        return cls(names, spec.name)

    @property
    def fleet_name(self) -> str:
        """Name the thing type, the parent group, the billing group, policies and the role alias."""
        return self.names.regional(self.fleet)

    @property
    def prefix(self) -> str:
        """Begin the names of things and jobs."""
        return f"{self.fleet_name}-"

    @property
    def claim_policy(self) -> str:
        """Name the policy of the claim certificate."""
        return self.names.regional(f"{self.fleet}-claim")

    @property
    def template(self) -> str:
        """Name the provisioning template."""
        return self.names.regional(self.fleet, longest=_TEMPLATE)

    def job_template(self, content: str) -> str:
        """Name the job template with this content."""
        figures = hashlib.sha256(content.encode()).hexdigest()[:8]
        return self.names.regional(f"{self.fleet}-update-{figures}", longest=_JOB_TEMPLATE)

    @property
    def devices_metric(self) -> str:
        """Name the fleet metric that counts devices."""
        return f"{self.prefix}devices"

    @property
    def offline_metric(self) -> str:
        """Name the fleet metric that counts devices which are away."""
        return f"{self.prefix}offline"

    @property
    def telemetry_topic(self) -> str:
        """Say where the device `{thing}` sends what it saw."""
        return f"dt/{self.names.project}/{self.names.environment}/{self.fleet}/{THING}/telemetry"

    @property
    def artifact_prefix(self) -> str:
        """Say below which key of the artifact bucket the fleet's bundles lie."""
        return f"edge/{self.fleet}"

    @property
    def telemetry_stream(self) -> str:
        """Name the stream that carries telemetry into the lake."""
        return f"{self.prefix}telemetry"

    @property
    def telemetry_prefix(self) -> str:
        """Say below which key of the lake the fleet's telemetry lies."""
        return f"raw/edge/{self.fleet}"

    def lost_prefix(self, purpose: str) -> str:
        """Say below which key of the lake lies what an action of a rule could not take."""
        return f"failed/{self.telemetry_prefix}/{purpose}"

    def expiry(self, spec: EdgeFleetSpec) -> dict[str, int]:
        """Say after how many days what lies below which prefix of the lake goes: telemetry, and what was lost of it."""
        days = spec.telemetry.keep_days
        return {} if days is None else {f"{self.telemetry_prefix}/": days, f"failed/{self.telemetry_prefix}/": days}

    def group(self, wave: str) -> str:
        """Name the thing group of a wave."""
        return self.names.regional(f"{self.fleet}-{wave}")

    def rule(self, purpose: str) -> str:
        """Name a topic rule, which takes no hyphens."""
        return self.names.regional(f"{self.fleet}-{purpose}").replace("-", "_")

    def role(self, purpose: str) -> str:
        """Name an IAM role."""
        return self.names.role(f"{self.fleet}-{purpose}")

    def iot(self, resource: str) -> str:
        """Return the ARN of something of AWS IoT in this account and region."""
        return f"arn:aws:iot:{self.names.region}:{self.names.account_id}:{resource}"
