"""What the container of a Batch job may do: read data, keep checkpoints and artefacts, and hear of reclaims."""

from collections.abc import Sequence

from infra.naming import Names
from infra.role import Role, Statement
from infra.toolkit import Construct

# Take out what is said to its own machine, and hand back the rest.
_HEAR = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")


class JobRole(Construct):
    """The role of every pool's jobs, over buckets by their ARNs. The machines' own is another."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        reads: Sequence[str],
        writes: str,
        key_arn: str,
        notice_queue_arn: str,
        notice_key_arn: str,
    ) -> None:
        super().__init__(scope, id)
        role = Role(
            self,
            "execution",
            name=names.role("batch-jobs"),
            service="ecs-tasks.amazonaws.com",
            for_account=names.account_id,
            statements=(
                Statement(("s3:ListBucket",), tuple(reads)),
                Statement(("s3:GetObject",), tuple(f"{bucket}/*" for bucket in reads)),
                Statement(("s3:PutObject", "s3:AbortMultipartUpload"), (f"{writes}/*",)),
                # Of a run only the last few checkpoints are kept.
                Statement(
                    ("s3:DeleteObject",),
                    tuple(f"{writes}/{below}" for below in ("checkpoints/*", "runs/*/checkpoints/*")),
                ),
                Statement(("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
                Statement(_HEAR, (notice_queue_arn,)),
                Statement(("kms:Decrypt",), (notice_key_arn,)),
            ),
        )
        self.arn: str = role.arn
