"""A line that is watched: what it must not pass, for how long, and who is told when it does."""

from dataclasses import dataclass

from infra.page import Panel, Series, Unit
from infra.spec.alerts import Severity


@dataclass(frozen=True)
class Watch:
    """Keeps a line at or under `bound`; above it for `periods` of `period_seconds`, the alarm `what` is on.

    What is not measured is well, unless `silence_is_bad`: then it has stopped to be measured because it is gone.
    """

    what: str
    unit: Unit
    series: Series
    bound: float
    severity: Severity = "ticket"
    period_seconds: int = 300
    periods: int = 3
    silence_is_bad: bool = False

    @property
    def told(self) -> str:
        """Say what the alarm says."""
        minutes = self.periods * self.period_seconds // 60
        bound = f" above {self.bound:g} {self.unit}" if self.bound else ""
        return f"{self.what}{bound} {'for' if self.periods > 1 else 'within'} {minutes} minutes"

    def panel(self, title: str, region: str, *others: Series, rare: bool = False) -> Panel:
        """Return the chart of the line, with its bound and `others` beside it."""
        return Panel(title, self.unit, region, (self.series, *others), self.bound, rare)
