"""Where requests of async endpoints lie, where their answers come, and who is told."""

from cdktf_cdktf_provider_aws.sns_topic import SnsTopic

from infra.naming import Names
from infra.role import Statement
from infra.spec import Async, EndpointSpec
from infra.spec.contract import Queueing
from infra.toolkit import Construct

_FOLDER = "async"


class InferenceQueue(Construct):
    """A folder of a bucket, and two topics that all async endpoints of a region announce their answers on.

    A message names its endpoint, so subscribers can filter. `statements` are what a role needs to use both.
    """

    def __init__(self, scope: Construct, id: str, *, names: Names, bucket: str, bucket_arn: str, key_arn: str) -> None:
        super().__init__(scope, id)
        self._root = f"s3://{bucket}/{_FOLDER}"
        self._succeeded, self._failed = (
            SnsTopic(self, outcome, name=names.regional(f"inference-{outcome}"), kms_master_key_id=key_arn)
            for outcome in ("succeeded", "failed")
        )
        self.statements = (
            Statement(("s3:GetObject", "s3:PutObject"), (f"{bucket_arn}/{_FOLDER}/*",)),
            Statement(("sns:Publish",), (self._succeeded.arn, self._failed.arn)),
        )

    def place(self, spec: EndpointSpec) -> Queueing | None:
        """Return what an async endpoint is told; the other kinds have no queue."""
        match spec.hosting:
            case Async(concurrency=concurrency):
                folder = f"{self._root}/{spec.name}"
                return Queueing(
                    requests=f"{folder}/requests",
                    answers=f"{folder}/answers",
                    failures=f"{folder}/failures",
                    succeeded_topic_arn=self._succeeded.arn,
                    failed_topic_arn=self._failed.arn,
                    concurrency=concurrency,
                )
            case _:
                return None
