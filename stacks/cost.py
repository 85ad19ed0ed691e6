"""What an environment may cost."""

from infra.budget import AnomalyWatch, Budget
from infra.naming import Names
from infra.spec import Environment
from infra.toolkit import Construct, Stack


class CostStack(Stack):
    """A budget and a watch for anomalies. Both are global in AWS: an environment has them once, in its first region."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        region = environment.regions[0].name
        super().__init__(scope, environment, region, "cost", id=f"{environment.name}-cost")
        names = Names.of(environment, region)
        Budget(self, "monthly", spec=environment.budget, names=names)
        AnomalyWatch(self, "costs", spec=environment.budget, names=names)
