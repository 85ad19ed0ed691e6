"""A plan as a picture of its stacks: coloured by the worst that happens in each."""

from ci.changes import markdown
from ci.plan import PlanResult, StackPlan
from ci.report.graph import Box, graph

_MARKS = {"create": "+", "update": "~", "replace": "±", "destroy": "-", "move": "→", "import": "←", "forget": "×"}
RED, BLUE, GREEN, GREY = "#b3372a", "#3b6fb6", "#2a9d8f", "#c3cad3"


def svg(result: PlanResult) -> str:
    """Return the stacks and what becomes of them as the text of an SVG file."""
    return graph(
        [
            Box(
                name=name,
                after=plan.after,
                subtitle=f"{plan.resources} resources" + ("" if plan.total else ", nothing changes"),
                lines=tuple(_lines(plan)),
                colour=_colour(plan),
            )
            for name, plan in result.stacks.items()
        ]
    )


def mermaid(result: PlanResult) -> str:
    """Return the same as GitHub and GitLab draw it in a comment, which takes no picture of ours."""
    numbers = {name: f"s{at}" for at, name in enumerate(result.stacks)}
    lines = ["graph LR"]
    for name, plan in result.stacks.items():
        short = name.removeprefix(f"{result.environment}-")
        lines.append(f'{numbers[name]}["{short}<br/>{", ".join(_lines(plan)) or "–"}"]')
        lines += [f"{numbers[other]} --> {numbers[name]}" for other in plan.after]
        lines.append(f"style {numbers[name]} stroke:{_colour(plan)},stroke-width:3px")
    return markdown.fenced("mermaid", lines)


def _lines(plan: StackPlan) -> list[str]:
    return [f"{_MARKS[action]}{count} {action}" for action, count in plan.counts.items() if count]


def _colour(plan: StackPlan) -> str:
    if plan.replace or plan.destroy:
        return RED
    if plan.update or plan.move or plan.forget:
        return BLUE
    return GREEN if plan.create or plan.import_ else GREY
