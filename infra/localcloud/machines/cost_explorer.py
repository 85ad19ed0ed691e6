"""Cost Explorer's GetCostAndUsage, answered from the meter."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from infra.localcloud.machines.metering import Line, Usage
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.operations import AwsError, Context, Payload, operation

METRICS: dict[str, Callable[[Usage], float]] = {
    "UnblendedCost": lambda usage: usage.usd,
    "BlendedCost": lambda usage: usage.usd,
    "AmortizedCost": lambda usage: usage.usd,
    "NetUnblendedCost": lambda usage: usage.usd,
    "NetAmortizedCost": lambda usage: usage.usd,
    "UsageQuantity": lambda usage: usage.quantity,
}
DIMENSIONS: dict[str, Callable[[Line], str]] = {
    "SERVICE": lambda line: line.service,
    "REGION": lambda line: line.owner.region,
    "LINKED_ACCOUNT": lambda line: line.owner.account,
    "USAGE_TYPE": lambda line: line.usage_type,
    "INSTANCE_TYPE": lambda line: line.instance_type,
    "RESOURCE_ID": lambda line: line.owner.arn,
}
MOST_GROUPS = 2


@operation("ce", "GetCostAndUsage")
def get_cost_and_usage(params: Payload, context: Context) -> Payload:
    """What the caller's account used in each period, filtered and grouped as asked."""
    groups = params.get("GroupBy") or []
    metrics = params["Metrics"]
    if len(groups) > MOST_GROUPS:
        raise AwsError("ValidationException", f"The GroupBy list must hold at most {MOST_GROUPS} entries.")
    if unknown := [name for name in metrics if name not in METRICS]:
        raise AwsError("ValidationException", f"Invalid metric: {unknown[0]}; known here: {', '.join(METRICS)}")
    wanted = _filter(params.get("Filter") or {})
    usage = [
        used
        for used in machines_of(context.cloud).meter.read()
        if used.line.owner.account == context.account and wanted(used.line)
    ]
    periods = list(_periods(params["TimePeriod"], params["Granularity"]))
    return {
        "GroupDefinitions": groups,
        "ResultsByTime": [_result(start, end, usage, groups, metrics) for start, end in periods],
        "DimensionValueAttributes": [],
    }


def _result(start: str, end: str, usage: list[Usage], groups: list[Payload], metrics: list[str]) -> Payload:
    inside = [used for used in usage if _moment(start) <= used.line.hour < _moment(end)]
    result: Payload = {"TimePeriod": {"Start": start, "End": end}, "Total": {}, "Groups": [], "Estimated": True}
    if not groups:
        result["Total"] = _amounts(inside, metrics)
        return result
    by_keys: dict[tuple[str, ...], list[Usage]] = defaultdict(list)
    for used in inside:
        by_keys[tuple(_key(group, used.line) for group in groups)].append(used)
    result["Groups"] = [
        {"Keys": list(keys), "Metrics": _amounts(members, metrics)} for keys, members in sorted(by_keys.items())
    ]
    return result


def _amounts(usage: list[Usage], metrics: list[str]) -> Payload:
    units = {used.line.unit for used in usage}
    return {
        name: {
            "Amount": f"{sum(METRICS[name](used) for used in usage):.10f}",
            "Unit": (units.pop() if len(units) == 1 else "N/A") if name == "UsageQuantity" else "USD",
        }
        for name in metrics
    }


def _key(group: Payload, line: Line) -> str:
    kind, name = group.get("Type", "DIMENSION"), group["Key"]
    if kind == "TAG":
        return f"{name}${dict(line.owner.tags).get(name, '')}"
    return _dimension(name)(line)


def _dimension(name: str) -> Callable[[Line], str]:
    if name not in DIMENSIONS:
        raise AwsError("ValidationException", f"Invalid dimension: {name}; known here: {', '.join(DIMENSIONS)}")
    return DIMENSIONS[name]


def _filter(expression: Payload) -> Callable[[Line], bool]:
    """A Cost Explorer expression as a test of one line."""
    if not expression:
        return lambda line: True
    [(kind, content)] = expression.items()
    if kind in ("And", "Or"):
        parts = [_filter(part) for part in content]
        together = all if kind == "And" else any
        return lambda line: together(part(line) for part in parts)
    if kind == "Not":
        inner = _filter(content)
        return lambda line: not inner(line)
    if kind not in ("Tags", "Dimensions"):
        raise AwsError("ValidationException", f"Filter by {kind} is not known here; use Tags or Dimensions.")
    options, values = content.get("MatchOptions") or ["EQUALS"], content.get("Values") or []
    name = content["Key"]
    if kind == "Tags":
        if "ABSENT" in options:
            return lambda line: name not in dict(line.owner.tags)
        return lambda line: dict(line.owner.tags).get(name, "") in values
    read = _dimension(name)
    return lambda line: read(line) in values


def _periods(period: Payload, granularity: str) -> Iterator[tuple[str, str]]:
    """The periods between Start and End (exclusive), as the answer names them."""
    if _moment(period["Start"]) >= _moment(period["End"]):
        raise AwsError("ValidationException", "Start date (and hour) should be before end date (and hour)")
    if granularity == "HOURLY":
        at, end = _moment(period["Start"]), _moment(period["End"])
        while at < end:
            yield f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
            at += timedelta(hours=1)
        return
    day, last = date.fromisoformat(period["Start"][:10]), date.fromisoformat(period["End"][:10])
    while day < last:
        following = day + timedelta(days=1)
        if granularity == "MONTHLY":
            following = min((day.replace(day=1) + timedelta(days=32)).replace(day=1), last)
        yield day.isoformat(), following.isoformat()
        day = following


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
