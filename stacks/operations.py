"""Who is told what of a region."""

from infra.alarm_topic import AlarmTopic
from infra.dashboard import Dashboard
from infra.endpoint_alarms import EndpointAlarms
from infra.naming import Names
from infra.queue_alarm import QueueAlarm
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.pools import PoolsOutputs


class OperationsStack(Stack):
    """Alarms for endpoints and queues, and a dashboard."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        region: RegionSpec,
        data: DataOutputs,
        pools: PoolsOutputs,
    ) -> None:
        super().__init__(scope, environment, region.name, "operations")
        names = Names.of(environment, region.name)
        topic = AlarmTopic(self, "alarms", names=names, key_arn=data.key_arn, emails=environment.budget.emails)
        # A group, so that whatever an endpoint is called, nothing else is called so.
        endpoints = Construct(self, "endpoint")
        for spec in region.endpoints:
            EndpointAlarms(endpoints, spec.name, spec=spec, names=names, topic_arn=topic.arn)
        for pool, queue_arns in pools.queue_arns.items():
            QueueAlarm(self, f"pool-{pool}", pool=pool, queue_arns=queue_arns, names=names, topic_arn=topic.arn)
        Dashboard(self, "overview", names=names, endpoints=region.endpoints)
