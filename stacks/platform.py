"""The architecture: which stacks an environment has, and what each hands to the next.

network ─┬─► pools ─┬─► operations        in each region
         │      ▼   │       ▲
         ├─► training       │
data ────┼──────┴───────────┘
  │      ├─► clusters
  │      ├─► serving
  │      └─► edge
  │                 events
  └────────► cost                         once in the environment
"""

from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct
from stacks.clusters import ClustersStack
from stacks.cost import CostStack
from stacks.data import DataOutputs, DataStack
from stacks.edge import EdgeStack
from stacks.events import EventsStack
from stacks.network import NetworkStack
from stacks.operations import OperationsStack
from stacks.pools import PoolsStack
from stacks.serving import ServingStack
from stacks.training import TrainingStack


def build_platform(scope: Construct, environment: Environment) -> None:
    """Add all stacks of `environment` to `scope`."""
    data = [_build_region(scope, environment, region) for region in environment.regions]
    CostStack(scope, environment, key_arn=data[0].key_arn, launchers=())


def _build_region(scope: Construct, environment: Environment, region: RegionSpec) -> DataOutputs:
    network = NetworkStack(scope, environment, region).outputs
    data = DataStack(scope, environment, region).outputs
    pools = PoolsStack(scope, environment, region, network).outputs
    EventsStack(scope, environment, region)
    TrainingStack(scope, environment, region, network, data, pools)
    ClustersStack(scope, environment, region, network, data)
    ServingStack(scope, environment, region, network, data)
    if region.edge_fleets:
        EdgeStack(scope, environment, region, data)
    OperationsStack(scope, environment, region, data, pools)
    return data
