"""Markdown within a length: whole blocks go, and what is cut ends at the end of a line, so that the rest still shows.

What folds open goes first, from the end, since what stands open is there to be read.
"""

from collections.abc import Iterator, Sequence

from ci.changes.markdown import counted

_FOLDED, _CLOSED = "<details>", "</details>"
# Its columns, and the line below them.
_HEAD_OF_A_TABLE = 2


def shortened(text: str, most: int) -> str:
    """Return a text in at most `most` characters; what had to go is counted in a last line."""
    if len(text) <= most:
        return text
    blocks = list(_blocks(text))
    left = 0
    for at in reversed([at for at, block in enumerate(blocks) if block.startswith(_FOLDED)]):
        if len(_joined(blocks, left)) > most:
            del blocks[at]
            left += 1
    while blocks and len(_joined(blocks, left)) > most:
        last = blocks.pop()
        left += 1
        if kept := _first_lines(last, most - len(_joined(blocks, left)) - 2):
            blocks.append(kept)
            break
    return _joined(blocks, left)


def fitted(parts: Sequence[str], most: int) -> list[str]:
    """Return each part in a length of its own, all of them in `most`: what a short one leaves is for the longer."""
    lengths: dict[int, int] = {}
    room = most
    for place, (at, part) in enumerate(sorted(enumerate(parts), key=lambda one: len(one[1]))):
        lengths[at] = min(len(part), room // (len(parts) - place))
        room -= lengths[at]
    return [shortened(part, lengths[at]) for at, part in enumerate(parts)]


def _joined(blocks: Sequence[str], left: int) -> str:
    note = f"_{counted(left, 'part')} of this left out for the length: the summary of the job has all of it._"
    return "\n\n".join([*blocks, *([note] if left else [])]) + "\n"


def _blocks(text: str) -> Iterator[str]:
    """What stands between blank lines; what folds open, and code, is one with all that it holds."""
    block: list[str] = []
    depth, fence = 0, ""
    for line in text.splitlines():
        mark = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line == fence else fence
        elif len(mark) > 2:
            fence = mark
        else:
            depth += line.count(_FOLDED) - line.count(_CLOSED)
        if line or depth or fence:
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)


def _first_lines(block: str, room: int) -> str:
    """The first whole lines of a block that fit: none of code, and of a table none without its head."""
    first, *others = block.splitlines()
    if block.startswith(("```", "|", ">")) and len(first) > room:
        return ""
    kept, used = [first[: max(room, 0)]], len(first)
    for line in others:
        used += 1 + len(line)
        if used > room:
            break
        kept.append(line)
    cut_off = block.startswith("```") or (block.startswith("|") and len(kept) <= _HEAD_OF_A_TABLE)
    return "" if cut_off else "\n".join(kept)
