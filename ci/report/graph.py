"""Stacks as boxes, side by side by wave, with an arrow for each handing on of outputs: an SVG that stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from ci.report.plots import PALETTE

if TYPE_CHECKING:
    from jinja2 import Environment

BOX_WIDTH, BOX_GAP, LINE_HEIGHT, HEADER = 368, 56, 15, 46


@dataclass(frozen=True)
class Box:
    """One stack: those that it waits for, a line under its name, and what it holds; without a colour it gets one."""

    name: str
    after: tuple[str, ...]
    subtitle: str
    lines: tuple[str, ...]
    colour: str = ""


@dataclass(frozen=True)
class Placed:
    """One stack's box in the diagram, in pixels."""

    box: Box
    x: int
    y: int
    height: int
    colour: str

    @property
    def middle(self) -> int:
        """Where arrows meet the box."""
        return self.y + self.height // 2


def columns(boxes: Sequence[Box]) -> list[list[Box]]:
    """Stacks by wave: each stands in the first column after everything that it waits for."""
    by_name = {box.name: box for box in boxes}
    sorter = TopologicalSorter({box.name: set(box.after) for box in boxes})
    sorter.prepare()
    waves = []
    while sorter.is_active():
        ready = sorter.get_ready()
        waves.append([by_name[name] for name in sorted(ready)])
        sorter.done(*ready)
    return waves


def place(boxes: Sequence[Box]) -> list[Placed]:
    """Boxes side by side by wave, each as tall as the list of what it holds."""
    placed: list[Placed] = []
    for column, wave in enumerate(columns(boxes)):
        y = 8
        for box in wave:
            height = HEADER + LINE_HEIGHT * len(box.lines) + (8 if box.lines else 0)
            colour = box.colour or PALETTE[len(placed) % len(PALETTE)]
            placed.append(Placed(box, 8 + column * (BOX_WIDTH + BOX_GAP), y, height, colour))
            y += height + 20
    return placed


def arrows(placed: Sequence[Placed]) -> list[str]:
    """An SVG path from each stack to each that uses its outputs."""
    by_name = {one.box.name: one for one in placed}
    paths = []
    for one in placed:
        for name in one.box.after:
            start = by_name[name]
            x1, x2 = start.x + BOX_WIDTH, one.x
            bend = (x1 + x2) // 2 if x2 - x1 <= BOX_GAP else x2 - BOX_GAP // 2
            paths.append(f"M{x1},{start.middle} C{bend},{start.middle} {bend},{one.middle} {x2 - 4},{one.middle}")
    return paths


def graph(boxes: Sequence[Box]) -> str:
    """The diagram as the text of an SVG file."""
    placed = place(boxes)
    return (
        templates()
        .get_template("graph.svg.j2")
        .render(
            placed=placed,
            arrows=arrows(placed),
            box_width=BOX_WIDTH,
            width=max((one.x for one in placed), default=0) + BOX_WIDTH + 12,
            height=max((one.y + one.height for one in placed), default=0) + 12,
        )
    )


@cache
def templates() -> "Environment":
    """Return the templates of this room; what people wrote is escaped in them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
