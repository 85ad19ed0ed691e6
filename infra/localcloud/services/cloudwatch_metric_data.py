"""CloudWatch's GetMetricData: percentiles and metric math, where moto has neither."""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, TypeGuard

from infra.localcloud.operations import AwsError, Context, Payload, operation

Line = dict[datetime, float]
"""A value for each period that has one."""

RANK = re.compile(r"PR\(([\d.]*):([\d.]*)\)")
"""A percentile rank: the percentage of values above the first bound and up to the second."""

_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@operation("cloudwatch", "GetMetricData")
def get_metric_data(params: Payload, context: Context) -> Payload:
    """The lines that are asked for; what is only asked to compute with is left out of the answer."""
    lines: dict[str, Line] = {}
    waiting = list(params["MetricDataQueries"])
    for query in [one for one in waiting if "MetricStat" in one]:
        lines[query["Id"]] = _measured(query["MetricStat"], params, context)
        waiting.remove(query)
    while ready := [one for one in waiting if _names(one) <= lines.keys()]:
        for query in ready:
            lines[query["Id"]] = _computed(query["Expression"], lines)
            waiting.remove(query)
    if waiting:
        missing = sorted(name for one in waiting for name in _names(one) - lines.keys())
        raise AwsError("ValidationError", f"The metric math refers to ids that are not there: {', '.join(missing)}")
    backwards = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    asked = [one for one in params["MetricDataQueries"] if one.get("ReturnData", True)]
    return {"MetricDataResults": [_result(one, lines[one["Id"]], backwards) for one in asked], "Messages": []}


def _result(query: Payload, line: Line, backwards: bool) -> Payload:
    moments = sorted(line, reverse=backwards)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["Id"],
        "Timestamps": moments,
        "Values": [line[moment] for moment in moments],
        "StatusCode": "Complete",
    }


def _measured(asked: Payload, params: Payload, context: Context) -> Line:
    metric, seconds = asked["Metric"], int(asked["Period"])
    periods: dict[datetime, list[tuple[float, float]]] = {}
    for moment, value, count in _observed(metric, context):
        if params["StartTime"].timestamp() <= moment.timestamp() < params["EndTime"].timestamp():
            begin = moment - timedelta(seconds=moment.timestamp() % seconds)
            periods.setdefault(begin.replace(microsecond=0), []).append((value, count))
    return {begin: statistic(asked["Stat"], values) for begin, values in periods.items()}


def _observed(metric: Payload, context: Context) -> Iterator[tuple[datetime, float, float]]:
    """Moment, value and how often, of every datum that moto keeps of this metric."""
    from moto.cloudwatch.models import cloudwatch_backends

    wanted = sorted((one["Name"], one["Value"]) for one in metric.get("Dimensions", ()))
    for datum in list(cloudwatch_backends[context.account][context.region].get_all_metrics()):
        if (datum.namespace, datum.name) != (metric["Namespace"], metric["MetricName"]):
            continue
        if sorted((one.name, one.value) for one in datum.dimensions) != wanted:
            continue
        moment = datum.timestamp if datum.timestamp.tzinfo else datum.timestamp.replace(tzinfo=UTC)
        for value, times in _values(datum):
            yield moment, value, times


def _values(datum: Any) -> Iterator[tuple[float, float]]:
    if hasattr(datum, "value"):
        yield float(datum.value), 1.0
        return
    # Of figures that were sent as their sum, only the outer two are known one by one.
    least, most, count = float(datum.min), float(datum.max), float(datum.sample_count)
    yield least, 1.0
    if count > 1:
        yield most, 1.0
    if count > 2:
        yield (float(datum.sum) - least - most) / (count - 2), count - 2


def statistic(name: str, observed: list[tuple[float, float]]) -> float:
    """One figure for the values of a period, each with how often it was seen."""
    count = sum(times for _, times in observed)
    total = sum(value * times for value, times in observed)
    simple: Mapping[str, Callable[[], float]] = {
        "Sum": lambda: total,
        "SampleCount": lambda: count,
        "Average": lambda: total / count,
        "Minimum": lambda: min(value for value, _ in observed),
        "Maximum": lambda: max(value for value, _ in observed),
    }
    if name in simple:
        return simple[name]()
    if rank := RANK.fullmatch(name):
        low, high = (
            float(bound) if bound else otherwise for bound, otherwise in zip(rank.groups(), (-inf, inf), strict=True)
        )
        return 100 * sum(times for value, times in observed if low < value <= high) / count
    if not name.startswith("p"):
        raise AwsError("InvalidParameterValue", f"The value {name} for parameter Stat is not supported.")
    return _percentile(float(name[1:]), sorted(observed), count)


def _percentile(percent: float, ordered: list[tuple[float, float]], count: float) -> float:
    """Between the two values around the place, as CloudWatch does for small samples."""
    place = (count - 1) * percent / 100
    values = [value for value, times in ordered for _ in range(int(times))]
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _names(query: Payload) -> set[str]:
    calls = {node.func.id for node in _walked(query) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {node.id for node in _walked(query) if isinstance(node, ast.Name)} - calls


def _walked(query: Payload) -> Iterator[ast.AST]:
    return ast.walk(_read(query["Expression"]))


def _read(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise AwsError("ValidationError", f"Error in expression '{expression}': {error.msg}") from error


def _computed(expression: str, lines: Mapping[str, Line]) -> Line:
    """The expression in every period in which all that it needs has a value."""
    tree = _read(expression)
    filled = {id(call.args[0]) for call in ast.walk(tree) if _is_fill(call)}
    needed = [
        lines[node.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in lines and id(node) not in filled
    ]
    given = [line for name, line in lines.items() if name in {one.id for one in ast.walk(tree) if _is_name(one)}]
    if not given:
        raise _unknown(expression)
    # What is filled everywhere has a value wherever any of it has.
    moments = set.intersection(*map(set, needed)) if needed else set[datetime]().union(*given)
    found: Line = {}
    for moment in moments:
        try:
            found[moment] = float(_value(tree, {name: line.get(moment) for name, line in lines.items()}))
        except ZeroDivisionError:
            continue
    return found


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def _is_fill(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FILL"


def _value(node: ast.expr, values: Mapping[str, Any]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return float(values[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return float(_COMPARISONS[type(op)](_value(left, values), _value(right, values)))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            return _value(then if _value(condition, values) else otherwise, values)
        case ast.Call(func=ast.Name(id="FILL"), args=[ast.Name(id=name), otherwise]):
            return _value(otherwise, values) if values[name] is None else float(values[name])
        case ast.Call(func=ast.Name(id="MAX" | "MIN" as name), args=[ast.List(elts=several)]):
            return (max if name == "MAX" else min)(_value(one, values) for one in several)
    raise _unknown(ast.unparse(node))


def _unknown(expression: str) -> AwsError:
    return AwsError("ValidationError", f"The embedded cloud does not know this metric math: {expression}")
