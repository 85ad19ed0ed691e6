"""How an environment does, on one page."""

from infra.dashboard import Dashboard
from infra.overview import overview
from infra.spec import Environment
from infra.toolkit import Construct, Stack


class OverviewStack(Stack):
    """The dashboard of all regions. `groundplan dashboard` draws the same page for Grafana."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        region = environment.regions[0].name
        super().__init__(scope, environment, region, "overview")
        Dashboard(self, "overview", page=overview(environment))
