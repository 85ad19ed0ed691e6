"""Alarms on what is watched of one thing, each told to the topic of its severity."""

from collections.abc import Mapping, Sequence

from infra.metric_alarm import alarm
from infra.spec.alerts import Severity
from infra.toolkit import Construct
from infra.watch import Watch


class Alarms(Construct):
    """An alarm for each watch of one thing, called after it. `alarm_names` are those that darken the region's light.

    News of which nobody has to do anything are told and darken nothing.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        watches: Sequence[Watch],
        topic_arns: Mapping[Severity, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        made = [(watch, alarm(self, name, watch, topic_arns[watch.severity], tags)) for watch in watches]
        self.alarm_names: list[str] = [alarm_name for watch, alarm_name in made if watch.severity != "info"]
