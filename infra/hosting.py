"""From an environment's words about hosting to the facts that a release is handed."""

from collections.abc import Sequence

from infra.spec import Async, RealTime, Serverless
from infra.spec.contract import Capture, InstanceCapacity, ServerlessCapacity
from infra.spec.serving import Hosting


def capacity_of(
    hosting: Hosting, *, key_arn: str, subnet_ids: Sequence[str], security_group_id: str
) -> ServerlessCapacity | InstanceCapacity:
    """Return what the variant runs on; instances stand in these subnets, on disks under this key."""
    match hosting:
        case Serverless():
            return ServerlessCapacity(**hosting.model_dump())
        case RealTime() | Async():
            return InstanceCapacity(
                instance_type=hosting.instance_type,
                # SageMaker starts none with 0; autoscaling takes an idle async one away.
                initial_count=max(1, hosting.min_instances),
                volume_key_arn=None if hosting.encrypts_its_own_disks else key_arn,
                subnet_ids=tuple(subnet_ids),
                security_group_ids=(security_group_id,),
            )


def capture_of(hosting: Hosting, *, destination: str) -> Capture | None:
    """Return how much is kept below `destination`. What async endpoints are asked and answer lies in S3 anyway."""
    match hosting:
        case RealTime(capture_percent=percent) if percent:
            return Capture(percent=percent, destination=destination)
        case _:
            return None
