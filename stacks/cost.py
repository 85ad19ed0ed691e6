"""What an environment may cost, and what happens when it costs more or lives longer."""

from collections.abc import Mapping, Sequence

from infra.budget import AnomalyWatch, Budget
from infra.budget_stop import BudgetTopic, LaunchBan
from infra.cost_allocation import CostAllocation
from infra.function import Function
from infra.function_schedule import FunctionSchedule
from infra.naming import Names
from infra.spec import Environment
from infra.steward import brake_statements, reaper_statements
from infra.toolkit import Construct, Stack, other_account


class CostStack(Stack):
    """A budget that stops training, a watch for anomalies, a reaper of what is forgotten. An environment has them once.

    `launchers` are the names of the roles that start jobs; `key_arn` is the key of the first region.
    """

    def __init__(self, scope: Construct, environment: Environment, *, key_arn: str, launchers: Sequence[str]) -> None:
        region, spec = environment.regions[0].name, environment.budget
        super().__init__(scope, environment, region, "cost")
        names, orders = Names.of(environment, region), _orders(environment)
        topics = {}
        for percent in spec.stops:
            can = brake_statements(names)
            brake = Function(
                self, "brake", names=names, handler="steward.brake", settings=orders, statements=can, key_arn=key_arn
            )
            topics[percent] = BudgetTopic(self, "budget", names=names, key_arn=key_arn, brake_arn=brake.arn).arn
        budget = Budget(self, "monthly", spec=spec, names=names, topics=topics)
        for percent, topic_arn in topics.items():
            LaunchBan(
                self,
                "launch_ban",
                names=names,
                budget_name=budget.name,
                percent=percent,
                launchers=launchers,
                topic_arn=topic_arn,
            )
        for usd in spec.anomalies:
            AnomalyWatch(self, "costs", spec=spec, names=names, usd=usd)
        for payer in spec.payers:
            way = other_account(self, "payer", environment=environment, region=region, role_arn=payer.role_arn)
            CostAllocation(self, "bill", project=environment.project, keys=tuple(self.tags), payer=way)
        for _ in environment.lifetimes:
            can = reaper_statements(names)
            reaper = Function(
                self, "reaper", names=names, handler="steward.reaper", settings=orders, statements=can, key_arn=key_arn
            )
            FunctionSchedule(
                self,
                "reaping",
                name=names.regional("reaper"),
                description="Ends what has outlived its ttl tag",
                every="1 hour",
                function_arn=reaper.arn,
            )


def _orders(environment: Environment) -> Mapping[str, object]:
    """What the steward is told: whose things it looks at, and where."""
    return {
        "project": environment.project,
        "environment": environment.name,
        "regions": [region.name for region in environment.regions],
        "ends_running": environment.budget.stop_running,
    }
