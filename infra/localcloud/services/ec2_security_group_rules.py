"""EC2 security group rules: moto forgets the description of a rule that names another group or a prefix list."""

from collections.abc import Iterable

from infra.localcloud.operations import Context, Payload, after


@after("ec2", "AuthorizeSecurityGroupIngress")
@after("ec2", "AuthorizeSecurityGroupEgress")
def remember_description(params: Payload, answer: Payload, context: Context) -> Payload:
    """A description comes with the group or list that it describes."""
    given = [peer.get("Description") for one in params.get("IpPermissions", ()) for peer in _peers(one)]
    for rule, description in zip(answer.get("SecurityGroupRules", ()), given, strict=False):
        if description is not None:
            context.notes("SecurityGroupRule")[rule["SecurityGroupRuleId"]] = {"Description": description}
    return answer


@after("ec2", "ModifySecurityGroupRules")
def change_description(params: Payload, answer: Payload, context: Context) -> Payload:
    """A rule is described anew."""
    for one in params.get("SecurityGroupRules", ()):
        if description := one["SecurityGroupRule"].get("Description"):
            context.notes("SecurityGroupRule")[one["SecurityGroupRuleId"]] = {"Description": description}
    return answer


@after("ec2", "DescribeSecurityGroupRules")
def tell_description(params: Payload, answer: Payload, context: Context) -> Payload:
    """Each rule as it was described."""
    notes = context.notes("SecurityGroupRule")
    for rule in answer.get("SecurityGroupRules", ()):
        rule.update(notes.get(rule["SecurityGroupRuleId"], {}))
    return answer


def _peers(permission: Payload) -> Iterable[Payload]:
    kinds = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
    return [peer for kind in kinds for peer in permission.get(kind, ())]
