"""What an environment may cost, found by its tags: a monthly budget, and a watch for what is not usual."""

import json
from collections.abc import Mapping

from cdktf_cdktf_provider_aws.budgets_budget import BudgetsBudget, BudgetsBudgetCostFilter, BudgetsBudgetNotification
from cdktf_cdktf_provider_aws.ce_anomaly_monitor import CeAnomalyMonitor
from cdktf_cdktf_provider_aws.ce_anomaly_subscription import (
    CeAnomalySubscription,
    CeAnomalySubscriptionSubscriber,
    CeAnomalySubscriptionThresholdExpression,
    CeAnomalySubscriptionThresholdExpressionDimension,
)

from infra.naming import Names
from infra.spec import BudgetSpec
from infra.toolkit import Construct


class Budget(Construct):
    """A mail for each threshold that the month's cost passes, and one when it is forecast to end above the whole.

    `topics` hear of the share at which training stops.
    """

    def __init__(self, scope: Construct, id: str, *, spec: BudgetSpec, names: Names, topics: Mapping[int, str]) -> None:
        super().__init__(scope, id)
        emails = list(spec.emails)
        actual = sorted({*spec.thresholds_percent, *topics})
        alerts = [("ACTUAL", percent) for percent in actual] + [("FORECASTED", 100)]
        budget = BudgetsBudget(
            self,
            "budget",
            name=names.regional("monthly"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(spec.monthly_usd),
            limit_unit="USD",
            cost_filter=[BudgetsBudgetCostFilter(name="TagKeyValue", values=[f"user:environment${names.environment}"])],
            notification=[
                BudgetsBudgetNotification(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=emails,
                    subscriber_sns_topic_arns=[topics[percent]] if kind == "ACTUAL" and percent in topics else None,
                )
                for kind, percent in alerts
            ],
        )
        self.name: str = budget.name


class AnomalyWatch(Construct):
    """A daily mail on costs that are `usd` or more above what is usual.

    Where the account pays for itself it watches the environment's own costs. AWS lets no other account select by tags:
    there it watches each service, and the account is the environment's.
    """

    def __init__(self, scope: Construct, id: str, *, spec: BudgetSpec, names: Names, usd: int) -> None:
        super().__init__(scope, id)
        # The provider compares this with AWS's answer word for word, which spells out what is not set.
        unset = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or"))
        own = {**unset, "Tags": {"Key": "environment", "MatchOptions": None, "Values": [names.environment]}}
        pays_itself = spec.payer is not None and spec.payer.role_arn is None
        monitor = CeAnomalyMonitor(
            self,
            "anomaly_monitor",
            name=names.regional("costs"),
            monitor_type="CUSTOM" if pays_itself else "DIMENSIONAL",
            monitor_dimension=None if pays_itself else "SERVICE",
            monitor_specification=json.dumps(own) if pays_itself else None,
        )
        threshold = CeAnomalySubscriptionThresholdExpressionDimension(
            key="ANOMALY_TOTAL_IMPACT_ABSOLUTE", values=[str(usd)], match_options=["GREATER_THAN_OR_EQUAL"]
        )
        CeAnomalySubscription(
            self,
            "anomaly_subscription",
            name=names.regional("costs"),
            frequency="DAILY",
            monitor_arn_list=[monitor.arn],
            subscriber=[CeAnomalySubscriptionSubscriber(type="EMAIL", address=email) for email in spec.emails],
            threshold_expression=CeAnomalySubscriptionThresholdExpression(dimension=threshold),
        )
