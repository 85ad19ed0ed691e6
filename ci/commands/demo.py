"""demo: the main job of this project, in one word."""

from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, Home, Mirror, workspace

if TYPE_CHECKING:
    from rich.table import Table

    from ci.report.story import Figures


def demo(
    recipe: Annotated[str, typer.Option(metavar="NAME", help="`laptop`, or `debug` for a quick run.")] = "laptop",
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Deploy the platform to the embedded cloud, train, release, ask, show the bill, destroy; about three minutes.

    Example: groundplan demo --recipe debug
    """
    from ci import console
    from ci.demo import demo as run_demo

    place = workspace(home, mirror)
    out = place.root / "out"
    figures = run_demo(place, recipe=recipe, out=out, progress=console.terminal_progress())
    console.show(figures, json, screen(figures))
    if not json:
        print(f"\nThe page with the plots: {out / 'demo.html'}")
    if figures.orphans:
        raise typer.Exit(1)


def screen(figures: "Figures") -> "Table":
    """Return the closing screen."""
    from ci import console

    rows = [
        ("resources deployed", f"{figures.resources} in {figures.deploy_seconds:.1f} s"),
        ("training", f"{1000 * figures.seconds_per_step:.1f} ms per step, {figures.train_seconds:.1f} s in all"),
        ("accuracy", f"{figures.accuracy:.4f}; bag of words {figures.baseline_accuracy:.4f}"),
        ("ONNX against PyTorch", f"largest difference {figures.parity_max_abs_diff:.1e}"),
        ("a prediction", f"p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms"),
        ("cold start", f"{figures.cold_start_ms / 1000:.2f} s"),
        ("what AWS would bill", f"${figures.cost_usd:.4f}"),
        ("left after destroy", f"{figures.orphans} resources and processes"),
        ("from nothing to nothing", f"{figures.seconds:.0f} s"),
    ]
    return console.table("figure", "", rows=rows, title="\nGroundplan demo")
