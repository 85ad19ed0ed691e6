"""`out/demo.html`: one file with no request to anywhere, so that it can be mailed, archived or attached to a build."""

from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from ci.report.plots import PALETTE, deploy_timeline, latency_histogram, training_curve
from ci.report.story import StackBox, Story

BOX_WIDTH, BOX_GAP, LINE_HEIGHT, HEADER = 368, 56, 15, 46


class Placed(NamedTuple):
    """One stack's box in the diagram, in pixels."""

    stack: StackBox
    x: int
    y: int
    height: int
    colour: str

    @property
    def middle(self) -> int:
        """Where arrows meet the box."""
        return self.y + self.height // 2


def columns(stacks: tuple[StackBox, ...]) -> list[list[StackBox]]:
    """Stacks by wave: each stands in the first column after everything that it waits for."""
    by_name = {stack.name: stack for stack in stacks}
    sorter = TopologicalSorter({stack.name: set(stack.after) for stack in stacks})
    sorter.prepare()
    waves = []
    while sorter.is_active():
        ready = sorter.get_ready()
        waves.append([by_name[name] for name in sorted(ready)])
        sorter.done(*ready)
    return waves


def place(stacks: tuple[StackBox, ...]) -> list[Placed]:
    """Boxes side by side by wave, each as tall as the list of what it holds."""
    placed: list[Placed] = []
    for column, wave in enumerate(columns(stacks)):
        y = 8
        for stack in wave:
            height = HEADER + LINE_HEIGHT * len(stack.resources) + 8
            colour = PALETTE[len(placed) % len(PALETTE)]
            placed.append(Placed(stack, 8 + column * (BOX_WIDTH + BOX_GAP), y, height, colour))
            y += height + 20
    return placed


def arrows(placed: list[Placed]) -> list[str]:
    """An SVG path from each stack to each that uses its outputs."""
    by_name = {box.stack.name: box for box in placed}
    paths = []
    for box in placed:
        for name in box.stack.after:
            start = by_name[name]
            x1, x2 = start.x + BOX_WIDTH, box.x
            bend = (x1 + x2) // 2 if x2 - x1 <= BOX_GAP else x2 - BOX_GAP // 2
            paths.append(f"M{x1},{start.middle} C{bend},{start.middle} {bend},{box.middle} {x2 - 4},{box.middle}")
    return paths


def render(story: Story) -> str:
    """The whole page as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    placed = place(story.stacks)
    return environment.get_template("page.html.j2").render(
        story=story,
        figures=story.figures,
        boxes=placed,
        arrows=arrows(placed),
        box_width=BOX_WIDTH,
        width=max(box.x for box in placed) + BOX_WIDTH + 12,
        height=max(box.y + box.height for box in placed) + 12,
        curve=training_curve(story.curve),
        latency=latency_histogram(story.latencies_ms, story.figures.p50_ms, story.figures.p99_ms),
        timeline=deploy_timeline(story.spans),
    )
