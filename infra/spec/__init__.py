"""The words environments are written in: frozen values, checked before anything is created."""

from infra.spec.access import AccessSpec, AccountUsers, IdentityCenter, Principals, Saml
from infra.spec.alerts import AlertsSpec
from infra.spec.api import ApiSpec, WebAclSpec
from infra.spec.audit import AuditSpec
from infra.spec.base import Spec, gather
from infra.spec.clusters import ClusterScheduleSpec, ClusterSpec
from infra.spec.cost import BudgetSpec, CostGateSpec, PayerSpec
from infra.spec.edge import EdgeAccountSpec, EdgeFleetSpec, JobRolloutSpec, TelemetrySpec, WaveSpec
from infra.spec.environment import (
    PREVIEW,
    AwsAccount,
    EmbeddedCloud,
    Environment,
    RegionSpec,
    StateSpec,
)
from infra.spec.errors import GroundplanError, Problem, SpecError, nearest
from infra.spec.existing import ExistingSpec
from infra.spec.github import GithubSpec
from infra.spec.gitlab import GitlabSpec
from infra.spec.gpu_need import GpuNeed
from infra.spec.gpu_pool import FairShareSpec, GpuPoolSpec
from infra.spec.network import JOB_SERVICES, AnyNetworkSpec, ExistingNetworkSpec, FlowLogSpec, NetworkSpec
from infra.spec.preview import PreviewSpec
from infra.spec.release import AllAtOnce, BlueGreen, Canary, ReleaseSpec, Shadow
from infra.spec.serving import Async, EndpointSpec, RealTime, ScheduleSpec, Serverless
from infra.spec.training import TrainingSpec

__all__ = [
    "JOB_SERVICES",
    "PREVIEW",
    "AccessSpec",
    "AccountUsers",
    "AlertsSpec",
    "AllAtOnce",
    "AnyNetworkSpec",
    "ApiSpec",
    "Async",
    "AuditSpec",
    "AwsAccount",
    "BlueGreen",
    "BudgetSpec",
    "Canary",
    "ClusterScheduleSpec",
    "ClusterSpec",
    "CostGateSpec",
    "EdgeAccountSpec",
    "EdgeFleetSpec",
    "EmbeddedCloud",
    "EndpointSpec",
    "Environment",
    "ExistingNetworkSpec",
    "ExistingSpec",
    "FairShareSpec",
    "FlowLogSpec",
    "GithubSpec",
    "GitlabSpec",
    "GpuNeed",
    "GpuPoolSpec",
    "GroundplanError",
    "IdentityCenter",
    "JobRolloutSpec",
    "NetworkSpec",
    "PayerSpec",
    "PreviewSpec",
    "Principals",
    "Problem",
    "RealTime",
    "RegionSpec",
    "ReleaseSpec",
    "Saml",
    "ScheduleSpec",
    "Serverless",
    "Shadow",
    "Spec",
    "SpecError",
    "StateSpec",
    "TelemetrySpec",
    "TrainingSpec",
    "WaveSpec",
    "WebAclSpec",
    "gather",
    "nearest",
]
