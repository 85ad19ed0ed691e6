"""AWS Budgets: what happens when a budget is passed. IAM policies are really attached to roles, groups and users."""

import uuid
from typing import Any

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, tags_of

KINDS = {"Roles": ("role", "RoleName"), "Groups": ("group", "GroupName"), "Users": ("user", "UserName")}
SHOWN = (
    *("ActionId", "BudgetName", "NotificationType", "ActionType", "ActionThreshold", "Definition"),
    *("ExecutionRoleArn", "ApprovalModel", "Status", "Subscribers"),
)
# What may be asked of an action, in which states, and what it is then.
EXECUTIONS = {
    "APPROVE_BUDGET_ACTION": ({"STANDBY", "PENDING"}, "EXECUTION_SUCCESS"),
    "RETRY_BUDGET_ACTION": ({"EXECUTION_FAILURE"}, "EXECUTION_SUCCESS"),
    "REVERSE_BUDGET_ACTION": ({"EXECUTION_SUCCESS"}, "REVERSE_SUCCESS"),
    "RESET_BUDGET_ACTION": ({"EXECUTION_SUCCESS", "REVERSE_SUCCESS", "PENDING"}, "STANDBY"),
}


@operation("budgets", "CreateBudgetAction")
def create_action(params: Payload, context: Context) -> Payload:
    """An action stands by until its threshold is crossed."""
    name = params["BudgetName"]
    if name not in context.resources("Budget"):
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    identifier = str(uuid.uuid4())
    kept = {key: value for key, value in params.items() if key not in ("AccountId", "ResourceTags")}
    context.resources("Action")[identifier] = {**kept, "ActionId": identifier, "Status": "STANDBY"}
    arn = f"arn:aws:budgets::{context.account}:budget/{name}/action/{identifier}"
    tags_of(context, arn).update(from_pairs(params.get("ResourceTags")))
    return {"AccountId": context.account, "BudgetName": name, "ActionId": identifier}


@operation("budgets", "DescribeBudgetAction")
def describe_action(params: Payload, context: Context) -> Payload:
    """One action with its state."""
    return _told(params, context, _shown(_find(params, context)))


@operation("budgets", "DescribeBudgetActionsForBudget")
def describe_actions(params: Payload, context: Context) -> Payload:
    """The actions of one budget."""
    found = [one for one in context.resources("Action").values() if one["BudgetName"] == params["BudgetName"]]
    return {"Actions": [_shown(one) for one in found]}


@operation("budgets", "DescribeBudgetActionsForAccount")
def describe_all_actions(params: Payload, context: Context) -> Payload:
    """All actions of the account."""
    return {"Actions": [_shown(one) for one in context.resources("Action").values()]}


@operation("budgets", "UpdateBudgetAction")
def update_action(params: Payload, context: Context) -> Payload:
    """Change whatever is given."""
    action = _find(params, context)
    old = _shown(action)
    action.update({key: value for key, value in params.items() if key not in ("AccountId", "BudgetName", "ActionId")})
    changed = {"OldAction": old, "NewAction": _shown(action)}
    return {"AccountId": context.account, "BudgetName": action["BudgetName"], **changed}


@operation("budgets", "DeleteBudgetAction")
def delete_action(params: Payload, context: Context) -> Payload:
    """The action goes; what it did stays, as on AWS."""
    action = _find(params, context)
    context.resources("Action").pop(action["ActionId"], None)
    context.notes("Tags").pop(_arn(action, context), None)
    return _told(params, context, _shown(action))


@operation("budgets", "ExecuteBudgetAction")
def execute_action(params: Payload, context: Context) -> Payload:
    """Do what the action defines, or take it back."""
    action, wanted = _find(params, context), params["ExecutionType"]
    states, then = EXECUTIONS[wanted]
    if action["Status"] not in states:
        raise AwsError("ResourceLockedException", f"The action is in status {action['Status']}.")
    attach = then == "EXECUTION_SUCCESS"
    if attach or action["Status"] == "EXECUTION_SUCCESS":
        _apply(action, context, attach=attach)
    action["Status"] = then
    return {**_told(params, context, None), "ExecutionType": wanted}


def _apply(action: Payload, context: Context, *, attach: bool) -> None:
    definition = action["Definition"].get("IamActionDefinition")
    if definition is None:
        raise NotImplementedError(f"budget action {action['ActionType']}: only APPLY_IAM_POLICY is carried out here")
    iam: Any = context.cloud.client("iam", context.region)
    for kind, (word, parameter) in KINDS.items():
        for name in definition.get(kind) or ():
            verb = getattr(iam, f"{'attach' if attach else 'detach'}_{word}_policy")
            verb(**{parameter: name, "PolicyArn": definition["PolicyArn"]})


def _find(params: Payload, context: Context) -> Payload:
    found = context.resources("Action").get(params["ActionId"])
    if found is None or found["BudgetName"] != params["BudgetName"]:
        raise AwsError("NotFoundException", f"Unable to find the action {params['ActionId']}.")
    return found


def _shown(action: Payload) -> Payload:
    return {key: action[key] for key in SHOWN if key in action}


def _told(params: Payload, context: Context, action: Payload | None) -> Payload:
    told = {"AccountId": context.account, "BudgetName": params["BudgetName"]}
    return told | ({"Action": action} if action else {"ActionId": params["ActionId"]})


def _arn(action: Payload, context: Context) -> str:
    return f"arn:aws:budgets::{context.account}:budget/{action['BudgetName']}/action/{action['ActionId']}"
