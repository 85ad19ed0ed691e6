"""Who is told what of a region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.alarms import Alarms
from infra.alert_topic import AlertTopic
from infra.cluster_signals import cluster_name, cluster_watches
from infra.edge_names import EdgeNames
from infra.endpoint_alarms import EndpointAlarms
from infra.fleet_signals import fleet_watches
from infra.function import Function
from infra.function_schedule import FunctionSchedule
from infra.health_alarm import HealthAlarm
from infra.naming import Names
from infra.news_signals import news_watches
from infra.pool_alarms import PoolAlarms
from infra.queue_gauge import gauge_settings, gauge_statements
from infra.queue_signals import pool_name, pool_watch
from infra.spec import Environment, GpuPoolSpec, RegionSpec
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
        alarms = self._alarms(names, region, pools, topics)
        alarm_names = [name for one in alarms for name in one.alarm_names]
        HealthAlarm(self, "health", names=names, alarm_names=alarm_names, topic_arn=topics["info"])
        for pools_together in region.queued:
            self._measure(pools_together, names, data.key_arn)
        self.outputs = OperationsOutputs(topics)

    def _alarms(
        self, names: Names, region: RegionSpec, pools: PoolsOutputs, topics: Mapping[Severity, str]
    ) -> list[EndpointAlarms | PoolAlarms | Alarms]:
        """Make the alarms of everything in the region that can be unwell."""
        # Groups, so that whatever a thing is called, nothing else is called so.
        endpoints, queues, waits, clusters, fleets = (
            Construct(self, id) for id in ("endpoint", "pool", "waiting", "cluster", "fleet")
        )
        told: dict[str, Any] = {"topic_arns": topics}
        alarms: list[EndpointAlarms | PoolAlarms | Alarms] = [
            EndpointAlarms(endpoints, spec.name, spec=spec, names=names, **told) for spec in region.endpoints
        ]
        alarms += [
            PoolAlarms(queues, pool, pool=pool, queue_arns=arns, names=names, topic_arn=topics["ticket"])
            for pool, arns in pools.queue_arns.items()
        ]
        alarms += [
            Alarms(waits, pool.name, name=pool_name(names, pool.name), watches=[pool_watch(pool, names)], **told)
            for pool in region.gpu_pools
        ]
        alarms += [
            Alarms(
                clusters, spec.name, name=cluster_name(names, spec.name), watches=cluster_watches(spec, names), **told
            )
            for spec in region.clusters
        ]
        for spec in region.edge_fleets:
            edge, tags = EdgeNames.of(names, spec), {"model": spec.model}
            watches = fleet_watches(spec, edge)
            alarms.append(Alarms(fleets, spec.name, name=edge.fleet_name, watches=watches, tags=tags, **told))
        alarms.append(Alarms(self, "news", name=names.job_events(), watches=news_watches(names), **told))
        return alarms

    def _measure(self, pools: Sequence[GpuPoolSpec], names: Names, key_arn: str) -> None:
        """Let a function measure what Batch does not publish: how long jobs wait."""
        gauge = Function(
            self,
            "gauge",
            names=names,
            handler="gauges.queue_age",
            settings=gauge_settings(pools, names),
            statements=gauge_statements(),
            key_arn=key_arn,
        )
        FunctionSchedule(
            self,
            "gauging",
            name=names.regional("queue-age"),
            description="Measures how long jobs wait for a machine",
            every="1 minute",
            function_arn=gauge.arn,
        )
