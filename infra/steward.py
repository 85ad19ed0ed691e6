"""What the steward may do: look at everything, end what bears the environment's tags, and nothing else."""

from collections.abc import Mapping

from infra.naming import Names
from infra.role import Statement

# AWS knows no narrower resource for what lists.
_LOOK = (
    *("autoscaling:DescribeAutoScalingGroups", "batch:DescribeJobQueues", "batch:DescribeJobs", "batch:ListJobs"),
    *("sagemaker:ListEndpoints", "sagemaker:ListTrainingJobs"),
)
_END = {
    "autoscaling:UpdateAutoScalingGroup": "autoscaling:{}:autoScalingGroup:*:autoScalingGroupName/*",
    "batch:TerminateJob": "batch:{}:job/*",
    "sagemaker:DeleteEndpoint": "sagemaker:{}:endpoint/*",
    "sagemaker:StopTrainingJob": "sagemaker:{}:training-job/*",
}
_BRAKE = {"batch:UpdateJobQueue": "batch:{}:job-queue/*"}


def reaper_statements(names: Names) -> tuple[Statement, ...]:
    """Return what the reaper needs: to end what costs, where the tags say that it is this environment's."""
    return (*_look(names), *_tagged(names, _END))


def brake_statements(names: Names) -> tuple[Statement, ...]:
    """Return what the brake needs: to switch queues off and on, and to end jobs, of this environment."""
    jobs = {action: arn for action, arn in _END.items() if action.endswith("Job")}
    return (*_look(names), *_tagged(names, {**_BRAKE, **jobs}))


def _look(names: Names) -> tuple[Statement, ...]:
    sagemaker = f"arn:aws:sagemaker:*:{names.account_id}"
    return (
        Statement(_LOOK),
        Statement(
            ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:ListTags"),
            tuple(f"{sagemaker}:{kind}/*" for kind in ("endpoint", "endpoint-config", "training-job")),
        ),
    )


def _tagged(names: Names, actions: Mapping[str, str]) -> tuple[Statement, ...]:
    own = {"aws:ResourceTag/project": names.project, "aws:ResourceTag/environment": names.environment}
    return tuple(
        Statement((action,), (f"arn:aws:{arn.format(f'*:{names.account_id}')}",), condition={"StringEquals": own})
        for action, arn in actions.items()
    )
