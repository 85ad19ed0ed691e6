"""Markdown within a length still is Markdown."""

from pathlib import Path

import pytest

from ci.changes import markdown
from ci.changes.markdown import MOST_OF_A_COMMENT, MOST_OF_A_COST, MOST_OF_A_PLAN
from ci.changes.shortened import fitted, shortened
from ci.cli import run
from ci.workflow.recorder import recorder

CODE = markdown.fenced("diff", [f"+ create <details> {at}\n" for at in range(40)])
TABLE = markdown.table(("stack", "create>"), [(f"stack {at}", at) for at in range(40)])
TEXT = "\n\n".join(
    ["## Plan", "> [!CAUTION]\n> lost", TABLE, markdown.folded("one", CODE), markdown.folded("two", TABLE), CODE, "end"]
)


@pytest.mark.parametrize("most", range(120, len(TEXT) + 40, 35))
def test_what_is_cut_is_closed_and_says_so(most: int) -> None:
    text = shortened(f"{TEXT}\n", most)
    assert len(text) <= most
    outside = [line for at, part in enumerate(text.split("```")) if at % 2 == 0 for line in part.splitlines()]
    assert outside.count("</details>") == sum(line.startswith("<details>") for line in outside)
    assert text.count("```") % 2 == 0
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    assert text.startswith("## Plan\n")
    assert ("left out for the length" in text) == (most <= len(TEXT))


def test_what_folds_goes_first_from_the_end() -> None:
    text = shortened(f"{TEXT}\n", len(TEXT) - 100)
    assert "<summary>one</summary>" in text
    assert "<summary>two</summary>" not in text
    assert text.splitlines()[-3] == "end"


def test_a_table_keeps_its_head_or_goes() -> None:
    assert "| stack 3 |" in shortened(f"{TABLE}\n", 250)
    assert "|" not in shortened(f"{TABLE}\n", 115)


def test_what_is_one_line_is_cut_in_it() -> None:
    assert shortened("x" * 500, 200).startswith("xxx")


def test_a_short_part_leaves_its_room_to_the_long_ones() -> None:
    parts = ["a\n", *(f"{letter}\n\n" * 400 for letter in "bc")]
    found = fitted(parts, 1000)
    assert found[0] == "a\n"
    assert 950 < sum(map(len, found)) <= 1000
    assert all(part.startswith(letter) for part, letter in zip(found, "abc", strict=True))
    assert fitted(parts, 10_000) == parts


def test_a_plan_and_its_cost_fit_one_comment() -> None:
    assert MOST_OF_A_COST + MOST_OF_A_PLAN <= MOST_OF_A_COMMENT


def test_a_comment_has_every_file_however_long_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / name for name in ("cost.md", "plan.md", "short.md")]
    for file, blocks in zip(files, (400, 900, 1), strict=True):
        many = [markdown.folded(f"{file.stem} {at}", "x" * 60) for at in range(blocks)]
        file.write_text("\n\n".join([f"## {file.stem}", f"verdict of {file.stem}", *many]) + "\n")
    with recorder() as kept:
        words = ["--about", "x", "--pull-request", "7", "--repository", "a/b", "--api", kept.url, "--token", "t"]
        assert run(["comment", *map(str, files), *words]) == 0
        body = next(iter(kept.comments.values()))["body"]
    assert 59_000 < len(body) < MOST_OF_A_COMMENT + 100
    places = [body.index(f"verdict of {name}") for name in ("cost", "plan", "short")]
    assert places == sorted(places)
    assert body.count("<details>") == body.count("</details>")
    assert body.count("left out for the length") == 2
    assert capsys.readouterr().out
