"""The architecture: which stacks an environment has, and what each hands to the next.

network ─┬─► pools ─┬─► operations ─► audit    in each region
         │      ▼   │       ▲           ▲
events ──┼─► training       │           │
data ─┬──┼──────┴───────────┘           │
      │  ├─► clusters                   │
      │  ├─► serving                    │
      │  └─► edge                       │
      ├───────────────────► trail ──────┤      once in the environment
      ├───────────────────► access ◄────┘
      │                        ▼
      └───────────────────► cost        overview
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.spec import AuditSpec, Environment, RegionSpec
from infra.toolkit import Construct
from stacks.access import AccessStack
from stacks.audit import AuditStack
from stacks.clusters import ClustersStack
from stacks.cost import CostStack
from stacks.data import DataOutputs, DataStack
from stacks.edge import EdgeStack
from stacks.events import EventsStack
from stacks.network import NetworkStack
from stacks.operations import OperationsOutputs, OperationsStack
from stacks.overview import OverviewStack
from stacks.pools import PoolsStack
from stacks.serving import ServingStack
from stacks.trail import TrailOutputs, TrailStack
from stacks.training import TrainingStack


@dataclass(frozen=True)
class Region:
    """What a region hands to what an environment has once."""

    spec: RegionSpec
    data: DataOutputs
    operations: OperationsOutputs


def build_platform(scope: Construct, environment: Environment) -> None:
    """Add all stacks of `environment` to `scope`."""
    regions = [_build_region(scope, environment, spec) for spec in environment.regions]
    trails = [_build_audit(scope, environment, environment.audit, regions)] if environment.audit else []
    access = AccessStack(scope, environment, [region.data for region in regions], trails).outputs
    CostStack(scope, environment, key_arn=regions[0].data.key_arn, launchers=access.launchers)
    OverviewStack(scope, environment)


def _build_region(scope: Construct, environment: Environment, region: RegionSpec) -> Region:
    network = NetworkStack(scope, environment, region).outputs
    data = DataStack(scope, environment, region).outputs
    pools = PoolsStack(scope, environment, region, network).outputs
    events = EventsStack(scope, environment, region).outputs
    TrainingStack(scope, environment, region, network, data, pools, events)
    ClustersStack(scope, environment, region, network, data)
    ServingStack(scope, environment, region, network, data)
    if region.edge_fleets:
        EdgeStack(scope, environment, region, data)
    operations = OperationsStack(scope, environment, region, data, pools).outputs
    return Region(region, data, operations)


def _build_audit(
    scope: Construct, environment: Environment, spec: AuditSpec, regions: Sequence[Region]
) -> TrailOutputs:
    trail = TrailStack(scope, environment, spec, [region.data for region in regions]).outputs
    for region in regions:
        AuditStack(scope, environment, region.spec, spec, trail, region.operations)
    return trail
