"""What one demo run did, as values: the only thing the page and the closing screen are drawn from."""

from ci.result import Result


class ResourceSpan(Result):
    """One resource as Terraform made it; seconds count from the start of the deploy."""

    stack: str
    address: str
    started: float
    ended: float


class StackBox(Result):
    """One deployed stack: what it holds, by Terraform type, and which stacks it waited for."""

    name: str
    after: tuple[str, ...]
    resources: dict[str, int]
    seconds: float


class CurvePoint(Result):
    """The training loss at one optimizer step."""

    step: int
    loss: float


class Answer(Result):
    """One prediction on a text that training never saw."""

    text: str
    expected: str
    label: str
    score: float
    milliseconds: float


class CostLine(Result):
    """What one tag value cost, in US dollars."""

    tag: str
    usd: float


class Figures(Result):
    """The figures of the closing screen, and the whole of out/demo.json."""

    resources: int
    seconds: float
    deploy_seconds: float
    train_seconds: float
    seconds_per_step: float
    accuracy: float
    baseline_accuracy: float
    parity_max_abs_diff: float
    p50_ms: float
    p99_ms: float
    cold_start_ms: float
    cost_usd: float
    orphans: int


class Story(Result):
    """Everything the page shows."""

    title: str
    figures: Figures
    stacks: tuple[StackBox, ...]
    spans: tuple[ResourceSpan, ...]
    curve: tuple[CurvePoint, ...]
    latencies_ms: tuple[float, ...]
    answers: tuple[Answer, ...]
    costs: tuple[CostLine, ...]
    price_note: str
