"""Who is told what of a region."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.alert_topic import AlertTopic
from infra.endpoint_alarms import EndpointAlarms
from infra.health_alarm import HealthAlarm
from infra.naming import Names
from infra.pool_alarms import PoolAlarms
from infra.spec import Environment, RegionSpec
from infra.spec.alerts import SEVERITIES, Severity
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.pools import PoolsOutputs


@dataclass(frozen=True)
class OperationsOutputs:
    """Where to say what: a topic for each severity."""

    topic_arns: Mapping[Severity, str]


class OperationsStack(Stack):
    """A topic for each severity, alarms for endpoints and queues, and one light for them all."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        region: RegionSpec,
        data: DataOutputs,
        pools: PoolsOutputs,
    ) -> None:
        super().__init__(scope, environment, region.name, "operations")
        names, mails = Names.of(environment, region.name), environment.budget.emails
        topics = {
            severity: AlertTopic(
                self,
                severity,
                severity=severity,
                names=names,
                key_arn=data.key_arn,
                receivers=environment.alerts.receivers(severity, otherwise=mails),
            ).arn
            for severity in SEVERITIES
        }
        # Groups, so that whatever a thing is called, nothing else is called so.
        endpoints, queues = Construct(self, "endpoint"), Construct(self, "pool")
        alarms: list[EndpointAlarms | PoolAlarms] = [
            EndpointAlarms(endpoints, spec.name, spec=spec, names=names, topic_arns=topics) for spec in region.endpoints
        ]
        alarms += [
            PoolAlarms(queues, pool, pool=pool, queue_arns=arns, names=names, topic_arn=topics["ticket"])
            for pool, arns in pools.queue_arns.items()
        ]
        alarm_names = [name for one in alarms for name in one.alarm_names]
        HealthAlarm(self, "health", names=names, alarm_names=alarm_names, topic_arn=topics["info"])
        self.outputs = OperationsOutputs(topics)
