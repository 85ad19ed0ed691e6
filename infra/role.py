"""IAM roles that one AWS service may take, with exactly the statements they are given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy

from infra.toolkit import Construct

PULL_IMAGE = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@dataclass(frozen=True)
class Statement:
    """One statement of an IAM policy; `principal` only in the policies of resources."""

    actions: Sequence[str]
    resources: Sequence[str] = ("*",)
    effect: str = "Allow"
    principal: Mapping[str, str | Sequence[str]] | str | None = None
    condition: Mapping[str, Mapping[str, str | Sequence[str]]] = field(default_factory=dict)
    # In the place of the first two: all but these. Only to deny, for what nobody has thought of is in it too.
    not_actions: Sequence[str] = ()
    not_resources: Sequence[str] = ()

    def rendered(self) -> dict[str, object]:
        """Return the statement as IAM writes it."""
        whole: dict[str, object] = {"Effect": self.effect}
        if self.not_actions:
            whole["NotAction"] = list(self.not_actions)
        else:
            whole["Action"] = list(self.actions)
        if self.principal is not None:
            whole["Principal"] = self.principal
        if self.not_resources:
            whole["NotResource"] = list(self.not_resources)
        if self.resources:
            whole["Resource"] = list(self.resources)
        if self.condition:
            whole["Condition"] = self.condition
        return whole


def policy(*statements: Statement) -> str:
    """Return the JSON of a policy. Values that Terraform knows later may stand in it."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement.rendered() for statement in statements]})


class Role(Construct):
    """A role for `service`. Services that act for many accounts are held to `for_account` (the confused deputy)."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        service: str,
        for_account: str | None = None,
        statements: Sequence[Statement] = (),
    ) -> None:
        super().__init__(scope, id)
        condition = {"StringEquals": {"aws:SourceAccount": for_account}} if for_account else {}
        trust = Statement(("sts:AssumeRole",), (), principal={"Service": service}, condition=condition)
        role = IamRole(self, "role", name=name, assume_role_policy=policy(trust))
        self.arn: str = role.arn
        self.name: str = role.name
        if statements:
            IamRolePolicy(self, "policy", name=name, role=self.name, policy=policy(*statements))
