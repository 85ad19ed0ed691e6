"""burst: machines that are made for one training, wherever there are any, and are gone after it."""

from typing import Annotated

import typer

from ci.commands.models import pairs
from ci.commands.options import AsJson, EnvironmentName, Home, ModelName, listed, site

burst = typer.Typer(no_args_is_help=True, help="Train on machines that are made for one run, and gone after it.")


@burst.callback()
def group() -> None:
    """Train on machines that are made for one run, and gone after it."""


@burst.command(short_help="Train on machines made for it, then end them")
def run(
    environment: EnvironmentName,
    model: ModelName,
    pool: Annotated[str, typer.Option("--like", metavar="POOL", help="The pool whose machines and jobs to copy.")],
    most_usd_per_hour: Annotated[
        float, typer.Option(min=0.01, metavar="USD", help="What all its machines may cost in an hour, on demand.")
    ],
    types: Annotated[
        str, typer.Option(metavar="TYPE,…", help="Types of machine, best first; by default the pool's.")
    ] = "",
    hours: Annotated[float, typer.Option(min=0.1, max=168, help="How long it may take, with all that it has.")] = 4,
    recipe: Annotated[str, typer.Option(metavar="NAME", help="One of the model's recipes.")] = "gpu",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Train a model on machines that are made for this run alone, and end them after it, whatever happens.

    EC2 is asked for each type in each zone until one has room. It needs Pulumi's engine, the program `pulumi`.

    Example: groundplan burst run prod review_writer --like wide --most-usd-per-hour 60
    """
    from ci import console
    from ci.burst.launcher import burst as run_burst
    from ci.burst.plans import Order

    order = Order(pool=pool, types=tuple(listed(types)), hours=hours, most_usd_per_hour=most_usd_per_hour)
    result = run_burst(
        site(environment, home),
        model,
        order=order,
        recipe=recipe,
        changes=pairs(changes or ()),
        progress=console.terminal_progress(),
    )
    rows = [(t.instance_type, t.zone, f"{t.usd_per_hour:.2f}", f"{t.seconds:.1f}", t.outcome) for t in result.tries]
    drawn = console.table("type", "zone", "USD an hour>", "seconds>", "outcome", rows=rows)
    told = (
        f"{result.trained.job}: accuracy {result.trained.accuracy:.4f}, about ${result.usd:.4f}; {result.burst} is gone"
    )
    console.show(result, json, console.stacked(drawn, told))


@burst.command(short_help="End bursts whose launcher is gone")
def reap(
    environment: EnvironmentName,
    now: Annotated[str | None, typer.Option(metavar="BURST", help="End this one, though its time is not over.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """End what is left of bursts whose time is over; their tag `ExpiresAt` says when that is.

    Example: groundplan burst reap prod
    """
    from ci import console
    from ci.burst.remains import reap as end

    result = end(site(environment, home), only=now, progress=console.terminal_progress())
    console.show(result, json, "\n".join(result.ended) or "no burst is over")
