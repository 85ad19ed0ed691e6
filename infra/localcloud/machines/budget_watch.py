"""Budgets that are looked at: what the meter counts crosses a threshold, and mails, topics and actions follow.

A threshold speaks once, until the amount is below it again. FORECASTED ones are left alone: a laptop's bill of minutes
forecasts nothing.
"""

import threading
import time
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.site import Site

REGION = "us-east-1"
COMPARE = {"GREATER_THAN": lambda spent, limit: spent > limit, "LESS_THAN": lambda spent, limit: spent < limit}


class BudgetWatch:
    """Looks every `budget_seconds`, in a thread of its own: publishing comes back into this cloud by HTTP."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._next = time.monotonic() + site.settings.budget_seconds
        self._busy = threading.Lock()
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._site.settings.budget_seconds
        found = [one for one in self._site.cloud.all_resources() if one[:2] == ("budgets", "Budget")]
        if found and self._busy.acquire(blocking=False):
            threading.Thread(target=self._look, args=(found,), name="budgets", daemon=True).start()

    def _look(self, found: list[tuple[str, str, str, str, str]]) -> None:
        try:
            for _, _, account, region, name in found:
                self._look_at(account, region, name)
        except Exception:
            self._site.cloud.log.error("budgets could not be looked at")
        finally:
            self._busy.release()

    def _look_at(self, account: str, region: str, name: str) -> None:
        budgets = self._site.cloud.client("budgets", region)
        budget = budgets.describe_budget(AccountId=account, BudgetName=name)["Budget"]
        spent = float(budget.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount", 0))
        limit = float(budget.get("BudgetLimit", {}).get("Amount", 0))
        entry = self._site.cloud.resources("budgets", "Budget", account=account, region=region).get(name, {})
        for notified in entry.get("Notifications", []):
            self._notify(name, notified, spent, limit)
        actions = self._site.cloud.resources("budgets", "Action", account=account, region=region)
        for action in [one for one in list(actions.values()) if one["BudgetName"] == name]:
            threshold = action["ActionThreshold"]
            if action["Status"] != "STANDBY" or action["NotificationType"] != "ACTUAL":
                continue
            if spent > _amount(threshold["ActionThresholdValue"], threshold["ActionThresholdType"], limit):
                self._act(budgets, account, action)

    def _notify(self, name: str, entry: Payload, spent: float, limit: float) -> None:
        notification = entry["Notification"]
        if notification["NotificationType"] != "ACTUAL" or notification["ComparisonOperator"] not in COMPARE:
            return
        threshold = _amount(notification["Threshold"], notification.get("ThresholdType", "PERCENTAGE"), limit)
        crossed = COMPARE[notification["ComparisonOperator"]](spent, threshold)
        before, notification["NotificationState"] = notification["NotificationState"], "ALARM" if crossed else "OK"
        if crossed and before != "ALARM":
            text = f"Budget {name}: ${spent:.6f} spent of ${limit:.2f}, above ${threshold:.6f}"
            self._tell(text, entry["Subscribers"])

    def _act(self, budgets: Any, account: str, action: Payload) -> None:
        identifier = {"AccountId": account, "BudgetName": action["BudgetName"], "ActionId": action["ActionId"]}
        if action["ApprovalModel"] == "AUTOMATIC":
            budgets.execute_budget_action(**identifier, ExecutionType="APPROVE_BUDGET_ACTION")
        else:
            action["Status"] = "PENDING"
        self._tell(f"Budget action {action['ActionId']} is {action['Status']}", action["Subscribers"])

    def _tell(self, text: str, subscribers: list[dict[str, str]]) -> None:
        self._site.cloud.log.info("budget", told=text)
        for subscriber in subscribers:
            if subscriber["SubscriptionType"] == "SNS":
                topic = subscriber["Address"]
                sns = self._site.cloud.client("sns", topic.split(":")[3])
                sns.publish(TopicArn=topic, Subject="AWS Budgets", Message=text)


def _amount(threshold: float, kind: str, limit: float) -> float:
    return threshold / 100 * limit if kind == "PERCENTAGE" else threshold
