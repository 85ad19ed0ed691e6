"""A training plan as a person reads it."""

from typing import TYPE_CHECKING

from ci import console
from ci.planning.training import TrainingPlan

if TYPE_CHECKING:
    from rich.console import Group

# What a network learns best from for its arithmetic (Hoffmann et al. 2022, arxiv.org/abs/2203.15556).
TOKENS_A_WEIGHT = 20


def drawn(plan: TrainingPlan) -> "Group":
    """Return the plan as a table, a verdict, and what it rests on."""
    from rich.console import Group

    sharing = f"{plan.parallel} over {plan.processes} processes" if plan.processes > 1 else "one process"
    title = f"{plan.model} {plan.recipe} on {plan.machines}, {sharing}"
    verdict = "[green]it fits[/]" if plan.fits else "[red]it does not fit[/]"
    lines = [f"  {line}" for line in plan.advice]
    return Group(
        console.table("", "planned>", "", rows=[*_work(plan), *_memory(plan), *_time(plan)], title=title),
        "",
        verdict + (": " if lines else ""),
        *lines,
        *_too_little(plan),
        "",
        "counted and assumed:",
        *(f"  {line}" for line in plan.assumptions),
    )


def _too_little(plan: TrainingPlan) -> list[str]:
    """Warn of a run that is short only because its data is: its hours are not those of a training."""
    if plan.tokens >= plan.taught:
        return []
    few = f"{_short(plan.tokens)} tokens are fewer than the {_short(plan.taught)} weights that they teach"
    fix = f"plan for about {TOKENS_A_WEIGHT} a weight: --tokens {TOKENS_A_WEIGHT * plan.taught:.2g}"
    return [f"[yellow]warning:[/] {few}; from nothing that is no training; {fix}"]


def _work(plan: TrainingPlan) -> list[tuple[str, str, str]]:
    return [
        ("weights", _short(plan.weights), f"{_short(plan.taught)} of them taught"),
        ("tokens a step", _short(plan.tokens_per_step), f"{plan.examples_per_step} examples"),
        ("arithmetic a step", f"{plan.teraflop_per_step:,.3g} TFLOP", ""),
    ]


def _memory(plan: TrainingPlan) -> list[tuple[str, str, str]]:
    held = plan.memory
    passes = "one pass" if plan.accumulate == 1 else f"{plan.accumulate} passes"
    return [
        ("memory of each", _gib(held.total), f"of {_gib(held.available)} that tensors may fill"),
        ("  weights", _gib(held.weights), ""),
        ("  gradients", _gib(held.gradients), ""),
        ("  optimizer", _gib(held.optimizer), "AdamW's two moments"),
        ("  activations", _gib(held.activations), f"a step is taken in {passes}"),
    ]


def _time(plan: TrainingPlan) -> list[tuple[str, str, str]]:
    time = plan.time
    exchange = [
        ("exchange a step", f"{time.exchange_gb:.3g} GB", f"{_seconds(time.exchange_seconds)}, from each process"),
        ("  if none is hidden", _seconds(time.step_seconds_at_worst), "a step, at worst"),
    ]
    return [
        ("step", _seconds(time.step_seconds), f"at {time.utilization:.0%} of {time.peak_teraflops:,.3g} TFLOP/s"),
        *(exchange if time.exchange_gb else ()),
        ("run", _seconds(plan.hours * 3600), f"{plan.steps:,} steps, {_short(plan.tokens)} tokens"),
        ("  on demand", _dollars(plan.usd_on_demand), ""),
        *([("  on spot, about", _dollars(plan.usd_spot), "")] if plan.usd_spot is not None else ()),
    ]


def _dollars(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.2g}"


def _gib(gib: float) -> str:
    return f"{gib:.1f} GiB" if gib >= 1 else f"{gib * 1024:.1f} MiB"


def _short(number: float) -> str:
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"


def _seconds(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms"
