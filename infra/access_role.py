"""Roles that people and pipelines take, each under a boundary, and who may take them."""

from collections.abc import Mapping, Sequence

from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment

from infra.naming import Names
from infra.role import Statement, policy
from infra.spec.access import AccessSpec, AccountUsers, IdentityCenter, Principals, RoleName, Saml
from infra.spec.github import GithubSpec
from infra.toolkit import Construct, skip_check

_SAML_SIGN_IN = "https://signin.aws.amazon.com/saml"
_GITHUB = "token.actions.githubusercontent.com"
_WITH_SECOND_FACTOR: Mapping[str, Mapping[str, str]] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


class Boundary(Construct):
    """The managed policy that bounds roles: they may do what both it and their own policies allow."""

    def __init__(self, scope: Construct, id: str, *, names: Names, statements: Sequence[Statement]) -> None:
        super().__init__(scope, id)
        bound = IamPolicy(
            self,
            "policy",
            name=names.regional(id),
            description=f"The most that a role of {names.project} {names.environment} may be given",
            policy=policy(*statements),
        )
        self.arn: str = bound.arn


class AccessRole(Construct):
    """A role of people or pipelines, named alike in all regions, for IAM has none."""

    def __init__(
        self,
        scope: Construct,
        id: RoleName,
        *,
        spec: AccessSpec,
        github: GithubSpec | None,
        names: Names,
        boundary_arn: str,
        statements: Sequence[Statement],
        managed_policy_arns: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        trust = _trust(id, spec, github, names)
        role = IamRole(
            self,
            "role",
            name=names.regional(id),
            description=f"What a {id} may do in {names.project} {names.environment}",
            assume_role_policy=policy(trust),
            permissions_boundary=boundary_arn,
            max_session_duration=spec.session_hours * 3600,
        )
        if trust.principal == {"AWS": _account(names)}:
            skip_check(role, CKV_AWS_61="the principal is the whole account: the condition beside it says who may")
        self.arn: str = role.arn
        self.name: str = role.name
        IamRolePolicy(self, "role_policy", name=names.regional(id), role=self.name, policy=policy(*statements))
        for what, arn in managed_policy_arns.items():
            IamRolePolicyAttachment(self, what, role=self.name, policy_arn=arn)


def _trust(role: RoleName, spec: AccessSpec, github: GithubSpec | None, names: Names) -> Statement:
    """Return who may take `role`: workflows of the repository for CI, people as the environment's sign-in says."""
    if role == "ci" and github:
        return _trust_in_github(github, names)
    match spec.sign_in:
        case Saml(provider_arn=provider):
            audience = {"StringEquals": {"SAML:aud": _SAML_SIGN_IN}}
            return Statement(("sts:AssumeRoleWithSAML",), (), principal={"Federated": provider}, condition=audience)
        case Principals(arns=arns):
            taken_by: str | Sequence[str] = list(arns)
            condition = _WITH_SECOND_FACTOR
        case IdentityCenter() as center if permission_set := center.permission_set(role):
            taken_by = _account(names)
            reserved = f"arn:aws:iam::{names.account_id}:role/aws-reserved/sso.amazonaws.com/*"
            condition = {"ArnLike": {"aws:PrincipalArn": f"{reserved}AWSReservedSSO_{permission_set}_*"}}
        case AccountUsers() | IdentityCenter():
            taken_by, condition = _account(names), _WITH_SECOND_FACTOR
    return Statement(("sts:AssumeRole",), (), principal={"AWS": taken_by}, condition=condition)


def _account(names: Names) -> str:
    return f"arn:aws:iam::{names.account_id}:root"


def _trust_in_github(github: GithubSpec, names: Names) -> Statement:
    """A job of the branch that GitHub let into the environment of this name: its approvals are GitHub's to ask."""
    takers = github.takers(names.environment)["deploy"]
    return Statement(
        ("sts:AssumeRoleWithWebIdentity",),
        (),
        principal={"Federated": f"arn:aws:iam::{names.account_id}:oidc-provider/{_GITHUB}"},
        condition={
            "StringEquals": {
                f"{_GITHUB}:aud": "sts.amazonaws.com",
                f"{_GITHUB}:sub": list(takers.subjects),
                f"{_GITHUB}:ref": github.ref,
            }
        },
    )
