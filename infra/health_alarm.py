"""One light for all of a region."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.cloudwatch_composite_alarm import CloudwatchCompositeAlarm

from infra.naming import Names
from infra.toolkit import Construct


class HealthAlarm(Construct):
    """On while any of the alarms is on. It tells `topic_arn`, and wakes nobody: those below it do that themselves."""

    def __init__(self, scope: Construct, id: str, *, names: Names, alarm_names: Sequence[str], topic_arn: str) -> None:
        super().__init__(scope, id)
        CloudwatchCompositeAlarm(
            self,
            "composite_alarm",
            alarm_name=names.regional("health"),
            alarm_description=f"Something is not well in {names.project} {names.environment}, {names.region}",
            # What there is nothing of is well.
            alarm_rule=" OR ".join(f'ALARM("{name}")' for name in alarm_names) or "FALSE",
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
        )
