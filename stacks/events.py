"""What is heard of a region's machines and jobs."""

from dataclasses import dataclass

from infra.job_events import JobEvents
from infra.key import EncryptionKey
from infra.naming import Names
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack


@dataclass(frozen=True)
class EventsOutputs:
    """Where a job hears that its machine is taken away, and the key to what is said there."""

    notice_queue_url: str
    notice_queue_arn: str
    key_arn: str


class EventsStack(Stack):
    """Queues and a log of reclaims and job states. It needs no other stack, and takes as long as pools do: SQS waits.

    Its key is its own: EventBridge may use it, and what is encrypted with it is news and no data.
    """

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec) -> None:
        super().__init__(scope, environment, region.name, "events")
        names = Names.of(environment, region.name)
        key = EncryptionKey(self, "main", names=names, purpose="job-events", guarded=environment.guarded)
        events = JobEvents(self, "jobs", names=names, key_arn=key.arn)
        self.outputs = EventsOutputs(events.notice_queue_url, events.notice_queue_arn, key.arn)
