"""Where a region's devices are known, updated and heard."""

from infra.edge_account import EdgeAccount
from infra.edge_artifacts import EdgeArtifacts
from infra.edge_count import EdgeCount
from infra.edge_endpoints import EdgeEndpoints
from infra.edge_events import EdgeEvents
from infra.edge_job_template import EdgeJobTemplate
from infra.edge_names import SHADOW, EdgeNames
from infra.edge_provisioning import EdgeProvisioning
from infra.edge_registry import EdgeRegistry
from infra.edge_rules import Lake
from infra.edge_telemetry import EdgeTelemetry
from infra.naming import Names
from infra.parameter import Parameter
from infra.spec import EdgeFleetSpec, Environment, RegionSpec
from infra.spec.contract import EdgeContract, EdgeWave
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs


class EdgeStack(Stack):
    """The fleets of a region, and for each the contract that tells a device's agent and a roll-out of it."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec, data: DataOutputs) -> None:
        super().__init__(scope, environment, region.name, "edge")
        self._names, self._data = Names.of(environment, region.name), data
        self._endpoints = EdgeEndpoints(self, "endpoints")
        account = EdgeAccount(
            self, "account", spec=region.edge_account, names=self._names, key_arn=data.key_arn, tags=self.tags
        )
        # A group, so that whatever a fleet is called, nothing else is called so.
        self._fleets = Construct(self, "fleet")
        for spec in region.edge_fleets:
            self._fleet(spec, account)

    def _fleet(self, spec: EdgeFleetSpec, account: EdgeAccount) -> None:
        edge, data = EdgeNames.of(self._names, spec), self._data
        fleet = Construct(self._fleets, spec.name)
        registry = EdgeRegistry(fleet, "registry", spec=spec, edge=edge)
        artifacts = EdgeArtifacts(
            fleet, "artifacts", spec=spec, edge=edge, bucket_arn=data.artifact_bucket_arn, key_arn=data.key_arn
        )
        provisioning = EdgeProvisioning(
            fleet,
            "provisioning",
            spec=spec,
            edge=edge,
            thing_type=registry.thing_type,
            billing_group=registry.billing_group,
            wave_groups=registry.wave_groups,
            role_alias_arn=artifacts.role_alias_arn,
        )
        template = EdgeJobTemplate(
            fleet,
            "job-template",
            spec=spec,
            edge=edge,
            bucket=data.artifact_bucket,
            presign_role_arn=artifacts.presign_role_arn,
            tags=self.tags,
        )
        lake = Lake(data.data_bucket, data.data_bucket_arn, data.key_arn)
        EdgeTelemetry(fleet, "telemetry", spec=spec, edge=edge, lake=lake)
        EdgeEvents(fleet, "events", spec=spec, edge=edge, lake=lake)
        EdgeCount(fleet, "count", spec=spec, edge=edge, lake=lake, tags=self.tags).node.add_dependency(account)
        contract = self._contract(spec, edge, registry, artifacts, provisioning, template)
        parameter = EdgeContract.parameter_name(self._names.project, self._names.environment, spec.name)
        description = f"What the devices of {spec.name} and their roll-outs need"
        Parameter(fleet, "contract", name=parameter, contract=contract, description=description)

    def _contract(
        self,
        spec: EdgeFleetSpec,
        edge: EdgeNames,
        registry: EdgeRegistry,
        artifacts: EdgeArtifacts,
        provisioning: EdgeProvisioning,
        template: EdgeJobTemplate,
    ) -> EdgeContract:
        return EdgeContract(
            fleet=spec.name,
            model=spec.model,
            endpoint=self._endpoints.messages,
            credentials_endpoint=self._endpoints.credentials,
            role_alias=artifacts.role_alias,
            provisioning_template=provisioning.template,
            claim_policy=provisioning.claim_policy,
            thing_prefix=edge.prefix,
            thing_type=registry.thing_type,
            fleet_group_arn=registry.fleet_group_arn,
            waves=tuple(_wave(name, spec, registry) for name in spec.groups),
            telemetry_topic=edge.telemetry_topic,
            shadow=SHADOW,
            sample_percent=spec.telemetry.sample_percent,
            job_template_arn=template.arn,
            presign_role_arn=artifacts.presign_role_arn,
            artifact_bucket=self._data.artifact_bucket,
            artifact_prefix=edge.artifact_prefix,
            signing_key_arn=self._data.signing_key_arn,
        )


def _wave(name: str, spec: EdgeFleetSpec, registry: EdgeRegistry) -> EdgeWave:
    devices, percent = spec.size(name)
    group, arn = registry.wave_groups[name], registry.wave_arns[name]
    return EdgeWave(name=name, group=group, group_arn=arn, devices=devices, percent=percent)
