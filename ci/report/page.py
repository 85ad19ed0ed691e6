"""`out/demo.html`: one file with no request to anywhere, so that it can be mailed, archived or attached to a build."""

from ci.changes.markdown import counted
from ci.report.graph import Box, graph, templates
from ci.report.plots import deploy_timeline, latency_histogram, training_curve
from ci.report.story import StackBox, Story


def render(story: Story) -> str:
    """The whole page as HTML text."""
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            story=story,
            figures=story.figures,
            graph=graph([_box(stack) for stack in story.stacks]),
            curve=training_curve(story.curve),
            latency=latency_histogram(story.latencies_ms, story.figures.p50_ms, story.figures.p99_ms),
            timeline=deploy_timeline(story.spans),
        )
    )


def _box(stack: StackBox) -> Box:
    held = tuple(f"{count} × {type_.replace('aws_', '')}" for type_, count in stack.resources.items())
    subtitle = f"{counted(sum(stack.resources.values()), 'resource')} · {stack.seconds:.1f} s"
    return Box(name=stack.name, after=stack.after, subtitle=subtitle, lines=held)
