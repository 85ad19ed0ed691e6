"""Pieces of Markdown as GitHub and GitLab show it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

# GitHub refuses a longer comment; what is posted beside it needs a little of that too.
# https://docs.github.com/en/rest/issues/comments, "body is too long (maximum is 65536 characters)"
MOST_OF_A_COMMENT = 60_000
# One comment tells both, and neither is cut for the other: the first plan of what ships is 42,000 characters long.
MOST_OF_A_COST, MOST_OF_A_PLAN = 15_000, 45_000
# A job's summary ends at a megabyte. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
MOST_OF_A_SUMMARY = 1_000_000


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; columns whose name ends with '>' are set flush right."""
    lines = [f"| {' | '.join(column.rstrip('>') for column in columns)} |"]
    lines.append(f"|{'|'.join('---:' if column.endswith('>') else '---' for column in columns)}|")
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    """Return a value as one cell takes it."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def folded(title: str, inside: str) -> str:
    """Return what a reader opens with a click."""
    return f"<details><summary>{title}</summary>\n\n{inside}\n\n</details>"


def fenced(language: str, lines: Iterable[str]) -> str:
    """Return lines as code; nothing in them can end it."""
    text = "\n".join(lines)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def caution(text: str) -> str:
    """Return a text in red, by GitHub's alerts; elsewhere it is a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in ("[!CAUTION]", *text.splitlines()))


def counted(count: int, word: str) -> str:
    """Return `1 stack`, `2 stacks`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def write(file: Path | None, text: str, *, add: bool = False) -> None:
    """Write a text to where it is wanted, if anywhere; with `add`, below what stands there."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if add else "w") as opened:
            opened.write(text)
