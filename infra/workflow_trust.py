"""GitHub's or GitLab's word for who a workflow is: the account trusts it, and roles say which may take them."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.data_aws_iam_openid_connect_provider import DataAwsIamOpenidConnectProvider
from cdktf_cdktf_provider_aws.iam_openid_connect_provider import IamOpenidConnectProvider
from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment

from infra.naming import Names
from infra.role import Statement, policy
from infra.spec.github import Takers
from infra.toolkit import Construct, skip_check

GITHUB = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"


class Issuer(Construct):
    """Who gives workflows their tokens, as an identity provider: made, or found where the account has it already."""

    def __init__(self, scope: Construct, id: str, *, host: str, made: bool) -> None:
        super().__init__(scope, id)
        url = f"https://{host}"
        self.host = host
        # No thumbprint: AWS trusts their certificates by its own list of authorities.
        self.arn: str = (
            IamOpenidConnectProvider(self, "openid_connect_provider", url=url, client_id_list=[_AUDIENCE]).arn
            if made
            else DataAwsIamOpenidConnectProvider(self, "openid_connect_provider", url=url).arn
        )


class Boundary(Construct):
    """A policy that grants nothing: what it leaves out, no role under it can do, whatever else it is given."""

    def __init__(self, scope: Construct, id: str, *, name: str, statements: Sequence[Statement]) -> None:
        super().__init__(scope, id)
        whole = policy(Statement(("*",)), *statements)
        bound = IamPolicy(self, "policy", name=name, policy=whole)
        grants_nothing = "a permissions boundary grants nothing: it is attached to no role, and denies what follows"
        skip_check(bound, CKV_AWS_62=grants_nothing, CKV_AWS_63=grants_nothing, CKV2_AWS_40=grants_nothing)
        self.arn: str = bound.arn


class WorkflowRole(Construct):
    """A role for workflows of which their issuer says that they are one of `takers`: exact words.

    Of `any_branch` the words before the branch are given: whoever may push to the project may take the role. Its id
    says what it is for, and names it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        description: str,
        issuer: Issuer,
        takers: Takers | None = None,
        any_branch: Sequence[str] = (),
        boundary_arn: str,
        managed_policy: str,
        statements: Sequence[Statement],
        max_session_seconds: int = 3600,
    ) -> None:
        super().__init__(scope, id)
        trust = Statement(
            ("sts:AssumeRoleWithWebIdentity",),
            (),
            principal={"Federated": issuer.arn},
            condition=_who(issuer.host, takers, any_branch),
        )
        name = names.role(id)
        role = IamRole(
            self,
            "role",
            name=name,
            description=description,
            assume_role_policy=policy(trust),
            permissions_boundary=boundary_arn,
            max_session_duration=max_session_seconds,
        )
        arn = f"arn:aws:iam::aws:policy/{managed_policy}"
        IamRolePolicyAttachment(self, "managed", role=role.name, policy_arn=arn)
        IamRolePolicy(self, "policy", name=name, role=role.name, policy=policy(*statements))
        self.arn: str = role.arn


def _who(host: str, takers: Takers | None, any_branch: Sequence[str]) -> dict[str, dict[str, str | list[str]]]:
    exact: dict[str, str | list[str]] = {f"{host}:aud": _AUDIENCE}
    if takers:
        exact[f"{host}:sub"] = list(takers.subjects)
    if takers and takers.ref:
        exact[f"{host}:ref"] = takers.ref
    like: dict[str, str | list[str]] = {f"{host}:sub": [f"{words}*" for words in any_branch]}
    return {"StringEquals": exact} | ({"StringLike": like} if any_branch else {})
