"""The demo page: everything told is on it, and it asks nobody for anything."""

import re
from itertools import pairwise
from xml.etree import ElementTree

from ci.report.graph import Box, columns, graph
from ci.report.page import render
from ci.report.plots import _lanes
from ci.report.story import Answer, CostLine, CurvePoint, Figures, ResourceSpan, StackBox, Story


def story(**changes: object) -> Story:
    figures = Figures(
        resources=5, seconds=201.5, deploy_seconds=61.2, train_seconds=70.1, seconds_per_step=0.08,
        accuracy=0.84, baseline_accuracy=0.79,
        parity_max_abs_diff=1e-6, p50_ms=12.3, p99_ms=15.9, cold_start_ms=1430.0, cost_usd=0.0031, orphans=0,
    )  # fmt: skip
    values: dict[str, object] = {
        "title": "Groundplan demo <1>",
        "figures": figures,
        "stacks": (
            StackBox(name="data", after=("network",), resources={"aws_s3_bucket": 2}, seconds=8),
            StackBox(name="network", after=(), resources={"aws_vpc": 1, "aws_subnet": 3}, seconds=5),
            StackBox(name="serving", after=("data", "network"), resources={"aws_sagemaker_endpoint": 1}, seconds=4),
        ),
        "spans": tuple(
            ResourceSpan(
                stack="network" if i < 9 else "data", address=f"aws_subnet.zone_{i}", started=i / 3, ended=1 + i / 2
            )
            for i in range(20)
        ),
        "curve": tuple(CurvePoint(step=i, loss=0.7 / (1 + i / 30)) for i in range(100)),
        "latencies_ms": tuple(11 + (i % 17) / 5 for i in range(300)),
        "answers": (
            Answer(text="A <b>fine</b> film", expected="positive", label="negative", score=0.71, milliseconds=12.1),
        ),
        "costs": (CostLine(tag="component=training", usd=0.003),),
        "price_note": "prices as of 2026-01-19",
    }
    return Story.model_validate(values | changes)


def test_every_stack_and_resource_type_is_on_the_diagram() -> None:
    page = render(story())
    for word in ("network", "data", "serving", "3 × subnet", "2 × s3_bucket", "1 × sagemaker_endpoint"):
        assert word in page


def test_a_stack_stands_right_of_what_it_waits_for() -> None:
    boxes = [Box(stack.name, stack.after, "", ()) for stack in story().stacks]
    assert [[box.name for box in wave] for wave in columns(boxes)] == [["network"], ["data"], ["serving"]]
    assert ElementTree.fromstring(graph(boxes)).get("aria-label")


def test_texts_of_people_are_escaped() -> None:
    page = render(story())
    assert "A &lt;b&gt;fine&lt;/b&gt; film" in page
    assert "<b>fine</b>" not in page


def test_the_page_loads_nothing_from_anywhere() -> None:
    page = render(story())
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert "<script" not in page
    assert "@import" not in page


def test_the_diagram_and_the_three_plots_are_well_formed_and_named() -> None:
    page = render(story())
    plots = [svg for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL) if "xmlns" in svg]
    names = {ElementTree.fromstring(svg).get("aria-label") for svg in plots}
    assert names == {"stacks and what they hold", "training curve", "latency histogram", "deploy timeline"}


def test_bars_of_one_stack_never_cover_each_other() -> None:
    spans = sorted(story().spans, key=lambda span: span.started)
    lanes = _lanes(spans)
    for lane in set(lanes):
        own = [span for span, chosen in zip(spans, lanes, strict=True) if chosen == lane]
        assert all(before.ended <= after.started for before, after in pairwise(own))


def test_two_renders_are_equal() -> None:
    assert render(story()) == render(story())
