"""A version's evaluation as one HTML file, to be mailed, archived, or put before who approves."""

from ci.evaluation import EvaluationResult
from ci.report.graph import templates
from ci.report.plots import slice_shares


def render(result: EvaluationResult) -> str:
    """Return the page."""
    found = result.evaluation
    bars = slice_shares(
        [(slicing, name, share) for slicing, parts in found.slices.items() for name, share in parts.items()],
        overall=found.right.share,
        least=found.gates.least_slice_accuracy,
        least_rows=found.gates.least_rows,
    )
    worst = found.slices[found.worst_slice[0]][found.worst_slice[1]] if found.worst_slice else None
    template = templates().get_template("evaluation.html.j2")
    return template.render(version=result.version, found=found, worst=worst, bars=bars)
