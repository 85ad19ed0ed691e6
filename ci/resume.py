"""Lets training go on after a spent budget stopped it: the reverse of what the budget and its brake did."""

import json
from typing import Any

from ci.errors import WorkError
from ci.result import Result
from ci.site import Site
from infra.naming import Names

# Budgets lives in one region for the whole of AWS.
REGION = "us-east-1"


class ResumeResult(Result):
    """How many budget actions were taken back, and which queues take jobs again."""

    environment: str
    actions: int
    queues: tuple[str, ...]


def resume(site: Site) -> ResumeResult:
    """Take back what a spent budget did. Raise the budget first, or it is done again at the next look."""
    actions = reverse_actions(site)
    names = _names(site)
    client: Any = site.client("lambda")
    answer = client.invoke(FunctionName=names.regional("brake"), Payload=json.dumps({"release": True}).encode())
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise WorkError(
            thing="the brake",
            value=told.get("errorMessage", "no message"),
            rule="did not release every queue",
            fix=f"read its log: /aws/lambda/{names.regional('brake')}",
        )
    return ResumeResult(environment=site.name, actions=actions, queues=tuple(told["ended"]))


def reverse_actions(site: Site) -> int:
    """Detach what budget actions attached, and return how many there were. Terraform deletes no policy in use."""
    client: Any = site.client("budgets", REGION)
    which = {"AccountId": site.environment.account_id, "BudgetName": _names(site).regional("monthly")}
    try:
        actions = client.describe_budget_actions_for_budget(**which)["Actions"]
    except client.exceptions.NotFoundException:
        return 0
    done = [action["ActionId"] for action in actions if action["Status"] == "EXECUTION_SUCCESS"]
    for action in done:
        client.execute_budget_action(**which, ActionId=action, ExecutionType="REVERSE_BUDGET_ACTION")
    return len(done)


def _names(site: Site) -> Names:
    return Names.of(site.environment, site.home_region.name)
