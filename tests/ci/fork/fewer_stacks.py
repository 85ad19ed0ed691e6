"""A fork's platform with a third of the stacks: what a day with the README needs, in a third of the time.

`local` trains and serves in it, within a budget; `bare` is looked at alone. All other environments are whole.
"""

import stacks.platform
from infra.naming import Names
from infra.spec import Environment
from infra.toolkit import Construct
from stacks.cost import CostStack
from stacks.data import DataStack
from stacks.events import EventsOutputs
from stacks.network import NetworkStack
from stacks.overview import OverviewStack
from stacks.pools import PoolsOutputs
from stacks.serving import ServingStack
from stacks.training import TrainingStack


def build_platform(scope: Construct, environment: Environment) -> None:
    """Add the stacks of `environment` to `scope`."""
    if environment.name not in ("local", "bare"):
        stacks.platform.build_platform(scope, environment)
        return
    whole = environment.regions[0]
    region = whole.model_copy(update={"gpu_pools": (), "clusters": (), "edge_fleets": ()})
    if environment.name == "bare":
        OverviewStack(scope, environment)
        return
    data = DataStack(scope, environment, region).outputs
    network = NetworkStack(scope, environment, region).outputs
    # Only pools hear of reclaims; Terraform would wait for their queues for a minute.
    nothing = EventsOutputs("none", data.key_arn, data.key_arn)
    TrainingStack(scope, environment, region, network, data, PoolsOutputs({}), nothing)
    ServingStack(scope, environment, region, network, data)
    jobs = Names.of(environment, region.name).role("training")
    CostStack(scope, environment, key_arn=data.key_arn, launchers=(jobs,))
