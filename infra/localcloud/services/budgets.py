"""AWS Budgets: budgets, their notifications and subscribers. A budget is global to its account."""

import time
from datetime import UTC, datetime, timedelta

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag

FAR_END = datetime(2087, 6, 15, tzinfo=UTC)
"""What AWS sets when a budget is given no end."""

COUNTED_BY_DEFAULT = {
    **dict.fromkeys(("IncludeCredit", "IncludeDiscount", "IncludeOtherSubscription", "IncludeRecurring"), True),
    **dict.fromkeys(("IncludeRefund", "IncludeSubscription", "IncludeSupport", "IncludeTax", "IncludeUpfront"), True),
    **dict.fromkeys(("UseAmortized", "UseBlended"), False),
}


@operation("budgets", "CreateBudget")
def create_budget(params: Payload, context: Context) -> Payload:
    """The budget with its notifications, in one call, as Terraform and the console make it."""
    name = params["Budget"]["BudgetName"]
    if name in context.resources("Budget"):
        raise AwsError("DuplicateRecordException", f"Error creating budget: {name} - the budget already exists.")
    context.resources("Budget")[name] = {"Budget": _completed(params["Budget"]), "Notifications": []}
    tags_of(context, _arn(context, name)).update(from_pairs(params.get("ResourceTags")))
    for entry in params.get("NotificationsWithSubscribers", []):
        create_notification({"BudgetName": name, **entry}, context)
    return {}


@operation("budgets", "DescribeBudget")
def describe_budget(params: Payload, context: Context) -> Payload:
    """One budget, with what was spent of it."""
    return {"Budget": _find(params, context)["Budget"] | _spent(_find(params, context)["Budget"], context)}


@operation("budgets", "DescribeBudgets")
def describe_budgets(params: Payload, context: Context) -> Payload:
    """All budgets of the account, each with what was spent of it."""
    budgets = [entry["Budget"] for entry in context.resources("Budget").values()]
    return {"Budgets": [budget | _spent(budget, context) for budget in budgets]}


@operation("budgets", "UpdateBudget")
def update_budget(params: Payload, context: Context) -> Payload:
    """Replace the budget's definition; its notifications stay."""
    entry = _find({"BudgetName": params["NewBudget"]["BudgetName"]}, context)
    entry["Budget"] = _completed(params["NewBudget"])
    return {}


@operation("budgets", "DeleteBudget")
def delete_budget(params: Payload, context: Context) -> Payload:
    """The budget goes with its notifications and tags."""
    _find(params, context)
    context.resources("Budget").pop(params["BudgetName"], None)
    context.notes("Tags").pop(_arn(context, params["BudgetName"]), None)
    return {}


@operation("budgets", "CreateNotification")
def create_notification(params: Payload, context: Context) -> Payload:
    """A threshold and who hears of it."""
    entries = _find(params, context)["Notifications"]
    notification = {"ThresholdType": "PERCENTAGE", "NotificationState": "OK", **params["Notification"]}
    if any(_same(entry["Notification"], notification) for entry in entries):
        raise AwsError("DuplicateRecordException", "Error creating notification: the notification already exists.")
    entries.append({"Notification": notification, "Subscribers": list(params["Subscribers"])})
    return {}


@operation("budgets", "DescribeNotificationsForBudget")
def describe_notifications(params: Payload, context: Context) -> Payload:
    """The budget's thresholds."""
    return {"Notifications": [entry["Notification"] for entry in _find(params, context)["Notifications"]]}


@operation("budgets", "DeleteNotification")
def delete_notification(params: Payload, context: Context) -> Payload:
    """The threshold goes with its subscribers."""
    budget = _find(params, context)
    budget["Notifications"].remove(_find_notification(params, context))
    return {}


@operation("budgets", "DescribeSubscribersForNotification")
def describe_subscribers(params: Payload, context: Context) -> Payload:
    """Who hears of a threshold."""
    return {"Subscribers": _find_notification(params, context)["Subscribers"]}


@operation("budgets", "CreateSubscriber")
def create_subscriber(params: Payload, context: Context) -> Payload:
    """One more who hears of a threshold."""
    _find_notification(params, context)["Subscribers"].append(params["Subscriber"])
    return {}


@operation("budgets", "DeleteSubscriber")
def delete_subscriber(params: Payload, context: Context) -> Payload:
    """One less."""
    subscribers = _find_notification(params, context)["Subscribers"]
    if params["Subscriber"] not in subscribers:
        raise AwsError("NotFoundException", "Unable to find the subscriber.")
    subscribers.remove(params["Subscriber"])
    return {}


@operation("budgets", "ListTagsForResource")
def list_tags(params: Payload, context: Context) -> Payload:
    """The tags of a budget."""
    return {"ResourceTags": to_pairs(tags_of(context, params["ResourceARN"]))}


@operation("budgets", "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags of a budget."""
    tags_of(context, params["ResourceARN"]).update(from_pairs(params["ResourceTags"]))
    return {}


@operation("budgets", "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags of a budget."""
    untag(tags_of(context, params["ResourceARN"]), params["ResourceTagKeys"])
    return {}


def _arn(context: Context, name: str) -> str:
    return f"arn:aws:budgets::{context.account}:budget/{name}"


def _completed(budget: Payload) -> Payload:
    """The budget as AWS reads it back: its period, and what counts."""
    today = datetime.now(UTC)
    month = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    period = {"Start": month, "End": FAR_END} | budget.get("TimePeriod", {})
    completed = {**budget, "TimePeriod": period, "LastUpdatedTime": time.time()}
    if budget["BudgetType"] == "COST":
        completed["CostTypes"] = COUNTED_BY_DEFAULT | budget.get("CostTypes", {})
    return completed


def _spent(budget: Payload, context: Context) -> Payload:
    """What Cost Explorer knows of the running month; nothing for budgets that it cannot compute here."""
    filters = budget.get("CostFilters", {})
    if budget["BudgetType"] != "COST" or budget["TimeUnit"] != "MONTHLY" or set(filters) - {"TagKeyValue"}:
        return {}
    today = datetime.now(UTC).date()
    question: Payload = {
        "TimePeriod": {"Start": today.replace(day=1).isoformat(), "End": (today + timedelta(days=1)).isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
    }
    pairs = [one.removeprefix("user:").split("$", 1) for one in filters.get("TagKeyValue", ())]
    tags = [{"Tags": {"Key": key, "Values": [value]}} for key, value in pairs]
    if tags:
        question["Filter"] = tags[0] if len(tags) == 1 else {"Or": tags}
    answer = context.cloud.client("ce", context.region).get_cost_and_usage(**question)
    amount = sum(float(result["Total"]["UnblendedCost"]["Amount"]) for result in answer["ResultsByTime"])
    return {"CalculatedSpend": {"ActualSpend": {"Amount": f"{amount:.10f}", "Unit": "USD"}}}


def _find(params: Payload, context: Context) -> Payload:
    name = params["BudgetName"]
    found = context.resources("Budget").get(name)
    if found is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return found


def _find_notification(params: Payload, context: Context) -> Payload:
    for entry in _find(params, context)["Notifications"]:
        if _same(entry["Notification"], params["Notification"]):
            found: Payload = entry
            return found
    raise AwsError("NotFoundException", "Unable to find the notification.")


def _same(one: Payload, other: Payload) -> bool:
    """Notifications have no id: these fields tell them apart, with the threshold type's default."""
    fields = ("NotificationType", "ComparisonOperator", "Threshold")
    kinds = (one.get("ThresholdType", "PERCENTAGE"), other.get("ThresholdType", "PERCENTAGE"))
    return kinds[0] == kinds[1] and all(one[field] == other[field] for field in fields)
