"""Figures of a fleet's devices for CloudWatch: how many there are, how many are away, how many updates failed."""

import json
from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudcontrolapi_resource import CloudcontrolapiResource
from cdktf_cdktf_provider_aws.iot_topic_rule import IotTopicRule, IotTopicRuleCloudwatchMetric

from infra.edge_names import EdgeNames
from infra.edge_rules import SQL_VERSION, Lake, lost_message, rule_role
from infra.fleet_signals import NAMESPACE, failed_updates
from infra.role import Statement
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct

_FAILURES = ("FAILED", "TIMED_OUT", "REJECTED")


class EdgeCount(Construct):
    """Two fleet metrics over the index, and a rule that counts failures. The index must be there: make this after it.

    The provider has no fleet metrics, so they go through AWS's Cloud Control API.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: EdgeFleetSpec,
        edge: EdgeNames,
        lake: Lake,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        whole = [{"Key": key, "Value": value} for key, value in {**tags, "model": spec.model}.items()]
        ours = f"thingTypeName:{edge.fleet_name}"
        queries = {edge.devices_metric: ours, edge.offline_metric: f"{ours} AND connectivity.connected:false"}
        for kind, (name, query) in zip(("devices", "offline"), queries.items(), strict=True):
            counted = {
                "MetricName": name,
                "Description": f"Devices of {spec.name}: {kind}",
                "QueryString": query,
                "AggregationField": "registry.version",
                "AggregationType": {"Name": "Statistics", "Values": ["count"]},
                "Period": 60,
                "Tags": whole,
            }
            CloudcontrolapiResource(self, kind, type_name="AWS::IoT::FleetMetric", desired_state=json.dumps(counted))
        self._count_failures(spec, edge, lake)

    def _count_failures(self, spec: EdgeFleetSpec, edge: EdgeNames, lake: Lake) -> None:
        own = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
        role = rule_role(self, edge, "failures", lake, Statement(("cloudwatch:PutMetricData",), condition=own))
        failed = " OR ".join(f"status = '{status}'" for status in _FAILURES)
        mine = f"startswith(jobId, '{edge.prefix}') AND ({failed})"
        metric = failed_updates(edge)
        IotTopicRule(
            self,
            "failures",
            name=edge.rule("failures"),
            description=f"Counts updates of {spec.name} that fail",
            enabled=True,
            sql=f"SELECT status FROM '$aws/events/jobExecution/#' WHERE {mine}",  # noqa: S608  # no database
            sql_version=SQL_VERSION,
            cloudwatch_metric=[
                IotTopicRuleCloudwatchMetric(
                    metric_namespace=metric.namespace,
                    metric_name=metric.name,
                    metric_value="1",
                    metric_unit="Count",
                    role_arn=role.arn,
                )
            ],
            error_action=lost_message(edge, "failures", lake, role),
            tags={"model": spec.model},
        )
