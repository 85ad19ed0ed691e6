"""EC2 Auto Scaling: what moto's groups forget of what they were told, and policies and hooks read back as they are."""

from infra.localcloud.operations import Context, Payload, after, operation

SERVICE = "autoscaling"

_KEPT = ("CapacityRebalance", "DefaultInstanceWarmup", "MaxInstanceLifetime", "MixedInstancesPolicy")
_MACHINES = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy")
"""From what a group starts machines: one of these."""


@after(SERVICE, "CreateAutoScalingGroup")
def remember_group(params: Payload, answer: Payload, context: Context) -> Payload:
    """What the creation said."""
    kept = {name: params[name] for name in (*_KEPT, *_MACHINES, "ServiceLinkedRoleARN") if name in params}
    context.notes("Group")[params["AutoScalingGroupName"]] = kept
    return answer


@operation(SERVICE, "UpdateAutoScalingGroup")
def update_group(params: Payload, context: Context) -> Payload:
    """An update that says nothing of the machines leaves them; moto would forget a policy of mixed instances."""
    known = context.notes("Group").setdefault(params["AutoScalingGroupName"], {})
    if any(name in params for name in _MACHINES):
        for name in _MACHINES:
            known.pop(name, None)
    answer = context.forward({**{name: known[name] for name in _MACHINES if name in known}, **params})
    known.update({name: params[name] for name in (*_KEPT, *_MACHINES, "ServiceLinkedRoleARN") if name in params})
    return answer


@after(SERVICE, "DescribeAutoScalingGroups")
def tell_group(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read it back."""
    for group in answer["AutoScalingGroups"]:
        known = context.notes("Group").get(group["AutoScalingGroupName"], {})
        group.update({name: known[name] for name in (*_KEPT, "ServiceLinkedRoleARN") if name in known})
    return answer


@after(SERVICE, "DeleteAutoScalingGroup")
def forget_group(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next group of that name begins without."""
    context.notes("Group").pop(params["AutoScalingGroupName"], None)
    return answer


@after(SERVICE, "PutScalingPolicy")
def remember_policy(params: Payload, answer: Payload, context: Context) -> Payload:
    """Whether it is at work; and its name, which moto writes as no client reads it."""
    group, name = params["AutoScalingGroupName"], params["PolicyName"]
    context.notes("Policy")[f"{group}/{name}"] = {"Enabled": params.get("Enabled", True)}
    client = context.cloud.client(SERVICE, context.region)
    found = client.describe_policies(AutoScalingGroupName=group, PolicyNames=[name])["ScalingPolicies"]
    return {**answer, "PolicyARN": found[0]["PolicyARN"]}


@after(SERVICE, "DescribePolicies")
def tell_policy(params: Payload, answer: Payload, context: Context) -> Payload:
    """A policy predicts only when it was told to."""
    for policy in answer["ScalingPolicies"]:
        policy.update(context.notes("Policy").get(f"{policy['AutoScalingGroupName']}/{policy['PolicyName']}", {}))
        if policy["PolicyType"] != "PredictiveScaling":
            policy.pop("PredictiveScalingConfiguration", None)
    return answer


@after(SERVICE, "PutLifecycleHook")
def remember_hook(params: Payload, answer: Payload, context: Context) -> Payload:
    """Whom the hook tells, and as whom."""
    context.notes("Hook")[f"{params['AutoScalingGroupName']}/{params['LifecycleHookName']}"] = params
    return answer


@after(SERVICE, "DescribeLifecycleHooks")
def tell_hook(params: Payload, answer: Payload, context: Context) -> Payload:
    """moto makes up a queue and a role for every hook."""
    for hook in answer["LifecycleHooks"]:
        known = context.notes("Hook").get(f"{hook['AutoScalingGroupName']}/{hook['LifecycleHookName']}", {})
        for name in ("NotificationTargetARN", "RoleARN", "NotificationMetadata"):
            hook.pop(name, None)
            hook.update({name: known[name]} if known.get(name) else {})
    return answer
