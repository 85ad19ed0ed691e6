"""What an environment has cost, from Cost Explorer, by one of the tags that everything bears."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ci.errors import CommandError
from ci.result import Result
from ci.site import Site
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from mypy_boto3_ce import CostExplorerClient

# Cost Explorer lives in one region for the whole of AWS.
REGION = "us-east-1"
UNTAGGED = "(untagged)"


class CostResult(Result):
    """US dollars by tag value, largest first, from `start` to before `end`."""

    environment: str
    by: str
    start: date
    end: date
    usd: dict[str, float]
    total_usd: float
    # Where the prices come from and how old they are.
    prices: str


def cost(site: Site, *, by: str = "component", days: int = 30) -> CostResult:
    """Return what the environment cost in the last `days`, today among them, split by the tag `by`."""
    if by not in (known := site.environment.tags("any")):
        rule, fix = (
            "is no tag of what it deploys",
            nearest(by, known, otherwise=f"there are {', '.join(sorted(known))}"),
        )
        raise CommandError(thing="tag", value=repr(by), rule=rule, fix=fix)
    end = datetime.now(UTC).date() + timedelta(days=1)
    start = end - timedelta(days=days)
    usd: dict[str, float] = {}
    for keys, amount in _groups(site, start, end, by):
        value = keys[0].partition("$")[2] or UNTAGGED
        usd[value] = usd.get(value, 0.0) + amount
    return CostResult(
        environment=site.name,
        by=by,
        start=start,
        end=end,
        usd=dict(sorted(usd.items(), key=lambda item: -item[1])),
        total_usd=sum(usd.values()),
        prices=_prices(site),
    )


def _groups(site: Site, start: date, end: date, by: str) -> list[tuple[list[str], float]]:
    client: CostExplorerClient = site.client("ce", REGION)
    found: list[tuple[list[str], float]] = []
    more: dict[str, Any] = {}
    while True:
        page = client.get_cost_and_usage(
            TimePeriod={"Start": start.isoformat(), "End": end.isoformat()},
            Granularity="DAILY",
            Metrics=["UnblendedCost"],
            Filter={"Tags": {"Key": "environment", "Values": [site.name]}},
            GroupBy=[{"Type": "TAG", "Key": by}],
            **more,
        )
        for period in page["ResultsByTime"]:
            for group in period.get("Groups", []):
                found.append((group["Keys"], float(group["Metrics"]["UnblendedCost"]["Amount"])))
        if not (token := page.get("NextPageToken")):
            return found
        more = {"NextPageToken": token}


def _prices(site: Site) -> str:
    if site.endpoint_url is None:
        return "AWS Cost Explorer; today's figures are estimates until the day is closed"
    from infra.prices import prices

    oldest = min(price.as_of for price in prices().values())
    return f"what AWS would ask, by the prices of {oldest} in infra/prices.csv; nothing is billed"
