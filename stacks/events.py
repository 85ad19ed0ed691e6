"""What is heard of a region's machines and jobs."""

from infra.job_events import JobEvents
from infra.key import EncryptionKey
from infra.naming import Names
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack


class EventsStack(Stack):
    """A queue and a log of reclaims and job states. It needs no other stack and none waits for it: SQS takes its time.

    Its key is its own: EventBridge may use it, and what is encrypted with it is news and no data.
    """

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec) -> None:
        super().__init__(scope, environment, region.name, "events")
        names = Names.of(environment, region.name)
        key = EncryptionKey(self, "main", names=names, purpose="job-events", guarded=environment.guarded)
        JobEvents(self, "jobs", names=names, key_arn=key.arn)
