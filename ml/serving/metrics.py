"""What the server counts, in Prometheus' text format at GET /metrics."""

from bisect import bisect_left
from collections import Counter

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Requests by status and how long they took."""

    def __init__(self, model: str, version: str) -> None:
        self._model, self._version = model, version
        self._statuses: Counter[int] = Counter()
        self._buckets = [0] * (len(BUCKETS_SECONDS) + 1)
        self._seconds = 0.0

    def count(self, status: int, seconds: float) -> None:
        """Count one answered invocation."""
        self._statuses[status] += 1
        self._buckets[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self._seconds += seconds

    def text(self, in_hand: int) -> str:
        """Return the page that Prometheus scrapes; `in_hand` requests have come and are not answered yet."""
        lines = [
            f'groundplan_model_info{{model="{self._model}",version="{self._version}"}} 1',
            f"groundplan_invocations_in_hand {in_hand}",
        ]
        lines += [
            f'groundplan_invocations_total{{status="{status}"}} {count}'
            for status, count in sorted(self._statuses.items())
        ]
        reached = 0
        for bound, count in zip((*BUCKETS_SECONDS, "+Inf"), self._buckets, strict=True):
            reached += count
            lines.append(f'groundplan_invocation_seconds_bucket{{le="{bound}"}} {reached}')
        lines += [
            f"groundplan_invocation_seconds_sum {self._seconds:.6f}",
            f"groundplan_invocation_seconds_count {reached}",
        ]
        return "\n".join(lines) + "\n"
