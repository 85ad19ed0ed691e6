"""What a machine of a pool may do itself: join its cluster, pull images, write logs. Jobs bring roles of their own."""

from cdktf_cdktf_provider_aws.iam_instance_profile import IamInstanceProfile

from infra.naming import Names
from infra.role import PULL_IMAGE, Role, Statement
from infra.toolkit import Construct

# AmazonEC2ContainerServiceforEC2Role without the rights to make clusters and to read every repository's settings.
_JOIN_CLUSTER = (
    "ecs:DeregisterContainerInstance",
    "ecs:Poll",
    "ecs:RegisterContainerInstance",
    "ecs:StartTelemetrySession",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
    "ecs:UpdateContainerInstancesState",
)


class BatchInstanceProfile(Construct):
    """The instance profile of every pool in a region."""

    def __init__(self, scope: Construct, id: str, *, names: Names) -> None:
        super().__init__(scope, id)
        # By their names, which naming.py gives: so no pool waits for the stack that makes them.
        own = f"{names.region}:{names.account_id}"
        repository = f"arn:aws:ecr:{own}:repository/{names.regional('ml')}"
        logs = f"arn:aws:logs:{own}:log-group:{names.job_logs('*')}"
        # Batch names its clusters itself.
        clusters = tuple(f"arn:aws:ecs:{own}:{kind}/*" for kind in ("cluster", "container-instance"))
        role = Role(
            self,
            "machine",
            name=names.role("batch-machine"),
            service="ec2.amazonaws.com",
            statements=(
                Statement(_JOIN_CLUSTER, clusters),
                Statement(("ecs:DiscoverPollEndpoint", "ecr:GetAuthorizationToken")),
                Statement(PULL_IMAGE, (repository,)),
                Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (logs, f"{logs}:*")),
            ),
        )
        profile = IamInstanceProfile(self, "instance_profile", name=names.role("batch-machine"), role=role.name)
        self.arn: str = profile.arn
