"""`groundplan train --plan`: a recipe on some machines, on paper."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

from ci.errors import CommandError
from ci.planning.machines import VCPU_TERAFLOPS, Machines, planned_types
from ci.prices.refresh import known_prices
from ci.result import Result
from ci.workspace import Workspace
from infra.prices import Price
from infra.spec import Environment

if TYPE_CHECKING:
    from ml.training.recipe import Recipe
    from ml.training.sizing import Size

GIB, GIGA, TERA = 2**30, 1e9, 1e12
UTILIZATION = 0.4
# Rings of NCCL and gloo come that near to what a link can send.
LINK_SHARE = 0.7
MOST_PARTS = 64


class MemoryPlan(Result):
    """GiB in each GPU (or machine without); `available` is what tensors may fill of it."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    total: float
    available: float

    @property
    def fits(self) -> bool:
        """Say whether there is room for all of it."""
        return self.total <= self.available


class TimePlan(Result):
    """Seconds of a step: as the plan takes it, exchanges are hidden behind arithmetic; at worst none of them is."""

    utilization: float
    peak_teraflops: float
    compute_seconds: float
    exchange_gb: float
    exchange_seconds: float
    step_seconds: float
    step_seconds_at_worst: float


class TrainingPlan(Result):
    """What a training would take; `advice` says what to change where it does not fit."""

    environment: str
    model: str
    recipe: str
    machines: str
    processes: int
    parallel: str
    accumulate: int
    weights: int
    taught: int
    memory: MemoryPlan
    fits: bool
    advice: tuple[str, ...]
    examples_per_step: int
    tokens_per_step: int
    teraflop_per_step: float
    time: TimePlan
    steps: int
    tokens: int
    hours: float
    usd_on_demand: float | None
    usd_spot: float | None
    assumptions: tuple[str, ...]


def plan(
    environment: Environment,
    workspace: Workspace,
    model: str,
    recipe_name: str,
    machines: Machines,
    *,
    changes: Mapping[str, str] | None = None,
    utilization: float = UTILIZATION,
    tokens: float | None = None,
) -> TrainingPlan:
    """Plan one of a model's recipes, with `changes` to fields of it.

    `tokens` are what to train on in all, by default what its data and epochs give.
    """
    from ml.models import catalogue
    from ml.training import sizing

    recipe = catalogue.recipe(model, recipe_name).changed(dict(changes or {}))
    _check_parts(recipe, machines)
    size = sizing.measure(model, recipe, bfloat16=machines.accelerator.bfloat16)
    held, time = _held(size, recipe, machines), _time(size, recipe, machines, utilization)
    per_step = recipe.batch_size * size.tokens_per_example
    steps = _steps(model, recipe, workspace) if tokens is None else max(1, round(tokens / per_step))
    hours, prices = steps * time.step_seconds / 3600, _prices(environment, workspace)
    usd, spot = machines.hourly_usd(prices), prices["spot-factor"].usd
    return TrainingPlan(
        environment=environment.name,
        model=model,
        recipe=recipe_name,
        machines=machines.told(),
        processes=machines.processes,
        parallel=recipe.parallel,
        accumulate=recipe.accumulate,
        weights=size.weights,
        taught=size.taught,
        memory=held,
        fits=held.fits,
        advice=() if held.fits else tuple(_advice(size, recipe, machines, prices)),
        examples_per_step=recipe.batch_size,
        tokens_per_step=per_step,
        teraflop_per_step=size.flops_per_example * recipe.batch_size / TERA,
        time=time,
        steps=steps,
        tokens=steps * per_step,
        hours=hours,
        usd_on_demand=None if usd is None else usd * hours,
        usd_spot=usd * hours * spot if usd is not None and machines.spot else None,
        assumptions=tuple(_assumptions(machines, prices, utilization)),
    )


def _time(size: "Size", recipe: "Recipe", machines: Machines, utilization: float) -> TimePlan:
    from ml.training import sizing

    peak = machines.processes * machines.accelerator.teraflops
    computing = size.flops_per_example * recipe.batch_size / TERA / (peak * utilization)
    sent = sizing.exchanged_bytes(size, recipe, machines.processes) / GIGA
    exchanging = sent / (machines.gb_per_second * LINK_SHARE) if sent else 0.0
    return TimePlan(
        utilization=utilization,
        peak_teraflops=peak,
        compute_seconds=computing,
        exchange_gb=sent,
        exchange_seconds=exchanging,
        step_seconds=max(computing, exchanging),
        step_seconds_at_worst=computing + exchanging,
    )


def _prices(environment: Environment, workspace: Workspace) -> dict[str, Price]:
    """Return what each product costs where the environment trains."""
    home, known = environment.regions[0].name, known_prices(environment, workspace)
    return {product: price for (product, region), price in known.items() if region == home}


def _held(size: "Size", recipe: "Recipe", machines: Machines) -> MemoryPlan:
    from ml.training import sizing

    held = sizing.memory(size, recipe, machines.processes)
    return MemoryPlan(
        weights=held.weights / GIB,
        gradients=held.gradients / GIB,
        optimizer=held.optimizer / GIB,
        activations=held.activations / GIB,
        total=held.total / GIB,
        available=machines.memory_gib,
    )


def _steps(model: str, recipe: "Recipe", workspace: Workspace) -> int:
    """Return how many steps the model's own data gives."""
    from ml.data import datasets
    from ml.models import catalogue

    folder = workspace.home / "datasets" / model
    with redirect_stdout(sys.stderr):
        datasets.prepare(model, workspace.cache / "datasets", folder)
    rows = datasets.read(folder)[1]["train"][: recipe.most_examples or None]
    examples: int = catalogue.part(model, "sizing").count(recipe, rows)
    return max(1, examples // recipe.batch_size) * recipe.epochs


def _check_parts(recipe: "Recipe", machines: Machines) -> None:
    if recipe.batch_size % (machines.processes * recipe.accumulate):
        raise CommandError(
            thing="recipe field 'batch_size'",
            value=f"batch_size={recipe.batch_size}",
            rule=f"cannot be cut into equal parts for {machines.processes} processes, {recipe.accumulate} each",
            fix="choose a multiple of both, or other machines",
        )


def _advice(size: "Size", recipe: "Recipe", machines: Machines, prices: Mapping[str, Price]) -> Iterator[str]:
    """Say what makes it fit: the nearest change of the recipe, and the cheapest machine for the recipe as it is."""
    for changed in _changes(recipe, machines):
        if (held := _held(size, changed, machines)).fits:
            yield f"parallel={changed.parallel!r}, accumulate={changed.accumulate} takes {held.total:.1f} GiB"
            break
    else:
        yield "no split of this batch fits here: fewer layers, a smaller width or context, or LoRA (lora_rank=8)"
    fitting = []
    for fact in planned_types():
        other = Machines(product=fact.name, fact=fact, count=machines.count, spot=machines.spot)
        usd = other.hourly_usd(prices)
        if usd is None or recipe.batch_size % (other.processes * recipe.accumulate):
            continue
        if (held := _held(size, recipe, other)).fits:
            fitting.append((usd, f"{other.told()} takes it as it is, at ${usd:,.2f} an hour"))
    if fitting:
        yield min(fitting)[1]


def _changes(recipe: "Recipe", machines: Machines) -> Iterator["Recipe"]:
    """Yield the recipe with smaller parts, then sharded: the result stays the same."""
    for parallel in dict.fromkeys((recipe.parallel, "fsdp" if machines.processes > 1 else recipe.parallel)):
        for accumulate in range(1, MOST_PARTS + 1):
            parts = machines.processes * accumulate
            if accumulate >= recipe.accumulate and recipe.batch_size % parts == 0:
                yield replace(recipe, parallel=parallel, accumulate=accumulate)
    yield from (
        replace(recipe, parallel="fsdp", accumulate=accumulate)
        for accumulate in range(1, recipe.accumulate)
        if machines.processes > 1 and recipe.batch_size % (machines.processes * accumulate) == 0
    )


def _assumptions(machines: Machines, prices: Mapping[str, Price], utilization: float) -> Iterator[str]:
    """Say what was counted, what was assumed, and how sure that makes the figures."""
    yield "weights, memory and arithmetic are counted on the network itself, to about 5 % (tests/ml/test_sizing.py)"
    yield f"model-flops utilization {utilization:.0%} is assumed, 20 to 50 % are seen: times are right to a factor of 2"
    if machines.gb_per_second:
        yield f"exchanges at {LINK_SHARE:.0%} of {machines.gb_per_second:g} GB/s, the narrowest link of a ring"
    if not machines.fact.gpus:
        yield f"a vCPU's peak is taken as {VCPU_TERAFLOPS * 1000:g} GFLOP/s in float32"
    elif not machines.accelerator.bfloat16:
        yield f"{machines.fact.accelerator} has no bfloat16 units: taken as float32"
    yield "loading, judging, checkpoints and start-up are not in the hours"
    price = prices.get(machines.product)
    if price is None:
        yield f"no price of {machines.product} in this region: add a line to infra/prices.csv"
    else:
        yield f"prices as of {price.as_of}" + "".join(f"; {line}" for line in price.assumption.splitlines())
