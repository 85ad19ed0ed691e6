"""What watches an environment's account in a region."""

from infra.account_watch import FINDINGS, AccountWatch
from infra.event_alert import EventAlert
from infra.naming import Names
from infra.spec import AuditSpec, Environment, RegionSpec
from infra.toolkit import Construct, Stack
from stacks.operations import OperationsOutputs
from stacks.trail import TrailOutputs


class AuditStack(Stack):
    """AWS's watchers, and who hears of what they find."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        region: RegionSpec,
        spec: AuditSpec,
        trail: TrailOutputs,
        operations: OperationsOutputs,
    ) -> None:
        super().__init__(scope, environment, region.name, "audit")
        names = Names.of(environment, region.name)
        is_home = region == environment.regions[0]
        AccountWatch(self, "watch", spec=spec, names=names, bucket=trail.bucket, is_home=is_home)
        for name, (severity, pattern) in FINDINGS.items():
            EventAlert(
                self,
                name,
                name=names.regional(f"finding-{name}"),
                description=f"A watcher found: {name.replace('-', ' ')}",
                pattern=pattern,
                topic_arn=operations.topic_arns[severity],
            )
