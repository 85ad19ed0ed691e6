"""What tells how an endpoint does: calls, failures, latency and saturation, each as AWS publishes it for its kind.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, serverless-endpoints-monitoring.html and
async-inference-monitor.html: what is not in the list of a kind is not published for it.
"""

from dataclasses import dataclass

from infra.page import Metric, Panel, Row, Series
from infra.spec import Async, EndpointSpec, RealTime, Serverless
from infra.spec.contract import VARIANT_NAME
from infra.spec.instance_types import instance_types
from infra.watch import Watch

BUSY_PERCENT = 80.0
"""From here on there is no room for a burst."""


@dataclass(frozen=True)
class EndpointSignals:
    """What is watched of one endpoint."""

    calls: Metric
    failures: Metric
    typical: Series
    latency: Watch
    saturation: Watch

    @property
    def failed_percent(self) -> Series:
        """The share of calls that failed; no calls, no failures."""
        return Series(
            "failed", {"failed": self.failures, "calls": self.calls}, "IF(calls > 0, 100 * FILL(failed, 0) / calls, 0)"
        )


def endpoint_signals(spec: EndpointSpec, endpoint: str) -> EndpointSignals:
    """Return the signals of `spec`, whose endpoint AWS knows as `endpoint`."""
    variant = {"EndpointName": endpoint, "VariantName": VARIANT_NAME}
    seconds = spec.max_latency_ms / 1000

    def ours(name: str, statistic: str) -> Metric:
        return Metric("AWS/SageMaker", name, variant, statistic)

    def latency(statistic: str) -> Series:
        return Series(statistic, {"micros": ours("ModelLatency", statistic)}, "micros / 1000")

    calls, failures, typical = ours("Invocations", "Sum"), ours("Invocation5XXErrors", "Sum"), latency("p50")
    slow = Watch("latency", "milliseconds", latency("p99"), float(spec.max_latency_ms))
    match spec.hosting:
        case Serverless():
            used = Series(
                "of its concurrency",
                {"share": ours("ServerlessConcurrentExecutionsUtilization", "Maximum")},
                "100 * share",
            )
            full = Watch("concurrency", "percent", used, BUSY_PERCENT)
        case RealTime(instance_type=instance_type):
            full = Watch("load", "percent", _load(instance_type, variant), BUSY_PERCENT)
        case Async():
            # Nobody counts calls here but those that left the queue, and what is promised is the way through it.
            calls, failures = ours("InvocationsProcessed", "Sum"), ours("InvocationFailures", "Sum")
            typical, whole = (Series.of(one, ours("TotalProcessingTime", one)) for one in ("p50", "p99"))
            slow = Watch("latency", "milliseconds", whole, float(spec.max_latency_ms))
            oldest = Metric("AWS/SageMaker", "ApproximateAgeOfOldestRequest", {"EndpointName": endpoint}, "Maximum")
            full = Watch("oldest request", "seconds", Series.of("oldest request", oldest), seconds)
    return EndpointSignals(calls, failures, typical, slow, full)


def endpoint_row(spec: EndpointSpec, endpoint: str, region: str) -> Row:
    """Return the charts of one endpoint."""
    found = endpoint_signals(spec, endpoint)
    return Row(
        f"{spec.name}: {spec.kind} endpoint in {region}",
        (
            Panel(
                "Calls and failures",
                "count",
                region,
                (Series.of("calls", found.calls), Series.of("failures", found.failures)),
            ),
            Panel("Failed calls", "percent", region, (found.failed_percent,), spec.max_error_percent),
            Panel("Latency", "milliseconds", region, (found.typical, found.latency.series), found.latency.bound),
            found.saturation.panel(found.saturation.what.capitalize(), region),
        ),
    )


def _load(instance_type: str, variant: dict[str, str]) -> Series:
    """The busiest instance's processors: GPUs where there are any."""
    facts = instance_types()[instance_type.removeprefix("ml.")]
    kind = "GPU" if facts.gpus else "CPU"
    metric = Metric("/aws/sagemaker/Endpoints", f"{kind}UtilizationNormalized", variant, "Maximum")
    return Series.of(f"{kind} of the busiest instance", metric)
