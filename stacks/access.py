"""Who may do what in an environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.access_policies import Kept, Reach, Records, boundary, statements
from infra.access_role import AccessRole, Boundary
from infra.audit_policies import bound_of_auditors
from infra.naming import Names
from infra.spec import Environment
from infra.spec.access import RoleName
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.trail import TrailOutputs

AUDITOR: RoleName = "auditor"
# Who starts jobs, and starts none when the budget is spent.
LAUNCHERS: tuple[RoleName, ...] = ("data-scientist", "ml-engineer", "ci")
UNDER_OUR_BOUNDARY: tuple[RoleName, ...] = ("data-scientist", "ml-engineer", "operator", "ci")

# AWS keeps these up to date for what an auditor must see; the boundary stays read-only whatever is attached later.
AUDITORS = {
    "security_audit": "arn:aws:iam::aws:policy/SecurityAudit",
    "view_only": "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
}


@dataclass(frozen=True)
class AccessOutputs:
    """The names of the roles that launch jobs."""

    launchers: tuple[str, ...]


class AccessStack(Stack):
    """Five roles under boundaries. IAM is global: an environment has them once."""

    def __init__(
        self, scope: Construct, environment: Environment, data: Sequence[DataOutputs], trails: Sequence[TrailOutputs]
    ) -> None:
        region = environment.regions[0].name
        super().__init__(scope, environment, region, "access")
        names, spec = Names.of(environment, region), environment.access
        reach = Reach(
            names.project,
            names.environment,
            names.account_id,
            kept=[_kept(one) for one in data],
            records=[Records(trail.bucket_arn, trail.key_arn) for trail in trails],
        )
        bound = Boundary(self, "boundary", names=names, statements=boundary(reach))
        read_only = Boundary(self, "auditors-boundary", names=names, statements=bound_of_auditors())
        bounds: list[tuple[RoleName, str, Mapping[str, str]]] = [(role, bound.arn, {}) for role in UNDER_OUR_BOUNDARY]
        roles = {
            role: AccessRole(
                self,
                role,
                spec=spec,
                github=environment.github,
                names=names,
                boundary_arn=boundary_arn,
                statements=statements(role, reach, engineers_release=spec.engineers_release),
                managed_policy_arns=managed,
            )
            for role, boundary_arn, managed in (*bounds, (AUDITOR, read_only.arn, AUDITORS))
        }
        self.outputs = AccessOutputs(tuple(roles[role].name for role in LAUNCHERS))


def _kept(data: DataOutputs) -> Kept:
    return Kept(
        data_bucket=data.data_bucket_arn,
        artifact_bucket=data.artifact_bucket_arn,
        repository=data.repository_arn,
        signing_key=data.signing_key_arn,
    )
