"""The table and the plot of an optimization, from made-up steps."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from ci.optimization_report import draw, front, table
from ci.optimize import OptimizeResult, PackageLine, StepLine


def step(name: str, p50_ms: float, accuracy: float, size: int) -> StepLine:
    return StepLine(
        step=name,
        bytes=size,
        memory_bytes=300_000_000,
        accuracy=accuracy,
        p50_ms=p50_ms,
        p99_ms=2 * p50_ms,
        batch_p50_ms=20 * p50_ms,
        batch_p99_ms=30 * p50_ms,
        examples_per_second=1600 / p50_ms,
        slices={"domain": {"movies": accuracy + 0.01, "tweets": accuracy - 0.01}},
    )


STEPS = (
    step("trained", 14.5, 0.75, 90_300_000),
    step("distil", 0.15, 0.741, 3_000_000),
    step("prune", 0.14, 0.736, 2_500_000),
    step("export", 0.06, 0.736, 2_500_000),
    step("quantize", 0.05, 0.738, 700_000),
)


PROOF = {"unit": "logits", "max_abs_diff": 1.3e-6, "tolerance": 1e-4, "label_agreement": 1.0, "samples": 4038}
RESULT = OptimizeResult(
    job="job-7",
    model="review_sentiment",
    recipe="small",
    trained_by="job-6",
    seconds=200,
    artifact="s3://bucket/model.tar.gz",
    steps=STEPS,
    plot="pareto.png",
    plot_uri="s3://bucket/pareto.png",
    report={"parities": [PROOF]},
)


def shown(result: OptimizeResult) -> str:
    printed = StringIO()
    Console(width=160, file=printed).print(table(result))
    return printed.getvalue()


def test_the_table_tells_the_gain_of_every_step() -> None:
    said = shown(RESULT)
    assert "job-7: 290 times as fast, 129 times smaller, -1.20 points of accuracy, 200 s" in said
    assert "logits differ by at most 1.3e-06, 0.0001 allowed; same label in 100.00%" in said
    assert all(name in said for name in ("trained", "distil", "prune", "export", "quantize", "movies", "tweets"))


def test_packages_stand_below_the_steps_and_those_left_out_are_told() -> None:
    package = PackageLine(**{**dict(step("compiled for cpu", 9.0, 0.75, 92_000_000)), "file": "model.pt2"})
    proof = {**PROOF, "max_abs_diff": 2e-7, "samples": 512}
    report = {
        "parities": [],
        "packages": [{"file": "model.pt2", "parity": proof}],
        "left_out": [{"package": "TensorRT", "reason": "no GPU is there"}],
    }
    said = shown(RESULT.model_copy(update={"packages": (package,), "report": report}))
    assert said.index("quantize") < said.index("compiled for cpu")
    assert "290 times as fast" in said, "by what is served"
    assert "model.pt2: Parity on 512 held-out texts: logits differ by at most 2e-07" in said
    assert "left out: TensorRT: no GPU is there" in said


def test_the_front_is_what_no_other_step_beats(tmp_path: Path) -> None:
    assert [line.step for line in front(STEPS)] == ["quantize", "distil", "trained"]
    assert draw(STEPS, "review_sentiment, small", tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
