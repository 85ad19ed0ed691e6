"""Every command block of README and docs is pasted into a terminal, line by line, in a fork of this checkout.

A block is a terminal and a fork of its own, with nothing but what the page says before it: what is set up. The tables
below are all that differs from what a reader would do; a line that is in none of them runs exactly as it stands.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import environments
from infra import localcloud
from tests.house.test_house import ROOT, tracked

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
LINES = [
    [line for line in text.replace("\\\n", " ").splitlines() if line.split("#")[0].strip()]
    for page in PAGES
    for kind, text in FENCED.findall(page.read_text())
    if kind == "sh"
]

# By how a line begins: what is appended to it, so that it takes seconds.
APPENDED = {
    "make demo": "RECIPE=debug",
    "groundplan train": "--recipe debug",
    "groundplan tune": "--recipe debug --trials 1",
    "groundplan drill spot": "--runs 2 --seed 7",
    "groundplan drill release": "--only crashing --bake 3",
    "groundplan drill launchers": "--processes 1",
}
# Which environment stands in for the one of the line, whose deploy takes ten minutes; `local` is deployed by then.
STANDS_IN = {"groundplan resume": ("prod", "local"), "groundplan rehearse": ("prod", "bare")}
# A block with such a line has a platform of fewer stacks (fork/fewer_stacks.py): the demo deploys `local` whole.
FEWER_STACKS = ["groundplan deploy", "groundplan rehearse"]
# What the page says to sign in for; an embedded cloud that bears the environment's account stands for AWS.
SIGNED_IN = ["groundplan prices refresh", "groundplan doctor", "groundplan bootstrap"]
# In an account in which nothing was bootstrapped, and with the blueprint's own values, the doctor has much to say.
ENDS_WITH = {"groundplan doctor": 2}
# Not run here, and why.
ELSEWHERE = {
    "make test": "runs this very test",
    "make check": "runs this very test; CI's own entry runs just this line (.ci/run)",
    "make cdktf": "asks npm's registry for 423 MB, and tests are offline; `make bench` runs it",
    "gh api": "asks GitHub to start a workflow of the fork, which is on GitHub",
    "npx cdktf deploy": "needs what `make cdktf` fetches; ci/bench/deploy.py runs it",
}


def entry(table: Iterable[str], line: str) -> str | None:
    """The longest beginning of a line that a table has."""
    return max((begin for begin in table if f"{line} ".startswith(f"{begin} ")), key=len, default=None)


BLOCKS = [run for block in LINES if (run := [line for line in block if not entry(ELSEWHERE, line)])]


def pasted(line: str) -> str:
    """A line as it is run."""
    command, comment = re.fullmatch(r"(.*?)(\s+#.*)?", line).groups(default="")  # type: ignore[union-attr]
    if begin := entry(STANDS_IN, command):
        named, other = STANDS_IN[begin]
        command = re.sub(rf"\b{named}\b", other, command)
    return " ".join((command, *(APPENDED[begin] for begin in [entry(APPENDED, command)] if begin))) + comment


def test_commands_stand_in_blocks_and_a_block_is_of_commands_or_holds_none() -> None:
    begin = r"(\$ )?(gh|groundplan|make|npx|python) "
    for page in PAGES:
        assert not re.search(rf"^    {begin}", page.read_text(), flags=re.MULTILINE), page
        for kind, text in FENCED.findall(page.read_text()):
            assert kind in ("", "sh")
            assert kind or not re.search(rf"^{begin}", text, flags=re.MULTILINE)


def test_no_table_speaks_of_a_line_that_is_gone() -> None:
    lines = [line for block in LINES for line in block]
    for table in (APPENDED, STANDS_IN, FEWER_STACKS, SIGNED_IN, ENDS_WITH, ELSEWHERE):
        assert [begin for begin in table if not any(entry([begin], line) for line in lines)] == []


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def fork(place: Path, *, fewer_stacks: bool) -> None:
    """Copy what git knows of this checkout, with a history of one commit; what was set up is ours."""
    for path in tracked("*"):
        if path.is_file():
            there = place / path.relative_to(ROOT)
            there.parent.mkdir(parents=True, exist_ok=True)
            # With its time: make must see nothing to set up again.
            shutil.copy2(path, there)
    if fewer_stacks:
        shutil.copy(Path(__file__).parent / "fork" / "fewer_stacks.py", place / "stacks")
        replace(place / "app.py", "from stacks.platform import", "from stacks.fewer_stacks import")
        shutil.copy(place / "environments" / "local.py", place / "environments" / "bare.py")
        replace(place / "environments" / "bare.py", 'name="local"', 'name="bare"')
    git = ("git", "-c", "user.name=fork", "-c", "user.email=fork@localhost", "-C", str(place))
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "."), ("commit", "--quiet", "-m", "A fork")):
        subprocess.run([*git, *words], check=True)
    (place / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != ".ready":
            (place / ".venv" / path.name).symlink_to(path)
    (place / ".venv" / ".ready").touch()
    (place / ".cache").symlink_to((ROOT / ".cache").resolve())


@dataclass
class Terminal:
    """Where lines are pasted: a folder, and the variables that earlier lines left."""

    folder: Path
    accounts: Path
    variables: dict[str, str]

    def paste(self, line: str) -> tuple[int, str]:
        """Run a line; return how it ended, and what it said."""
        kept, said = self.folder.with_suffix(".variables"), self.folder.with_suffix(".said")
        with said.open("w") as out:
            process = subprocess.Popen(
                ["bash", "-c", f'{line}\ncode=$?; env -0 > "{kept}"; exit $code'],
                cwd=self.folder,
                env=self.variables | (self._account(line) if entry(SIGNED_IN, line) else {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout=900)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait(), f"{said.read_text()}\n… and no end after 15 minutes"
        if not entry(SIGNED_IN, line):
            self.variables = dict(each.split("=", 1) for each in kept.read_text().split("\0") if each)
        return code, said.read_text()

    def _account(self, line: str) -> dict[str, str]:
        """What points every AWS SDK at the account of the environment that the line names."""
        (name,) = set(line.split("#")[0].split()) & set(environments.names())
        account = environments.load(name).account_id
        record = localcloud.start(name, self.accounts, program=ROOT, account_id=account)
        signed_in = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return signed_in | {"AWS_ENDPOINT_URL": record.url, "AWS_EC2_METADATA_DISABLED": "true"}


def terminal(folder: Path, block: Sequence[str]) -> Terminal:
    """A terminal that was just opened in a fork for this block."""
    fork(folder, fewer_stacks=any(entry(FEWER_STACKS, line) for line in block))
    foreign = ("AWS_", "GROUNDPLAN_HOME", "MAKE", "MFLAGS", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # What is installed in our environment is this checkout, and not the fork.
    return Terminal(folder, folder.with_suffix(".accounts"), bare | {"PYTHONPATH": str(folder)})


def paste_all(here: Terminal, block: Sequence[str]) -> str | None:
    """Paste a block's lines one after the other; return what a reader would complain of first."""
    for line in map(pasted, block):
        wanted, (code, said) = ENDS_WITH.get(entry(ENDS_WITH, line) or "", 0), here.paste(line)
        if code != wanted:
            return f"{line}\nended with {code}, not {wanted}; it said\n{said[-3000:]}"
    return None


@dataclass(frozen=True)
class Pasted:
    """A block in its terminal, and the complaint."""

    block: Sequence[str]
    terminal: Terminal
    complaint: str | None


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Pasted]]:
    """All blocks in terminals side by side: half of what they do is waiting."""
    place = tmp_path_factory.mktemp("blocks")
    terminals = [terminal(place / f"fork{number}", block) for number, block in enumerate(BLOCKS)]
    try:
        with ThreadPoolExecutor(len(BLOCKS)) as pool:
            complaints = list(pool.map(paste_all, terminals, BLOCKS))
        yield [Pasted(*each) for each in zip(BLOCKS, terminals, complaints, strict=True)]
    finally:
        for home in (home for here in terminals for home in (here.folder / ".groundplan", here.accounts)):
            for cloud in localcloud.running(home):
                localcloud.stop(cloud.name, home)


@pytest.mark.slow
@pytest.mark.terraform
@pytest.mark.timeout(2400)
def test_each_line_of_every_block_ends_as_the_page_says(
    read: list[Pasted], record_property: Callable[[str, object], None]
) -> None:
    record_property("figure", f"{sum(map(len, BLOCKS))} of {sum(map(len, LINES))} lines of all blocks were run")
    assert not [each.complaint for each in read if each.complaint], "\n\n".join(each.complaint or "" for each in read)


@pytest.mark.slow
@pytest.mark.terraform
@pytest.mark.timeout(2400)
def test_the_demo_goes_from_nothing_to_nothing_and_leaves_its_page(read: list[Pasted]) -> None:
    (folder,) = (each.terminal.folder for each in read if any(entry(["make demo"], line) for line in each.block))
    told = json.loads((folder / "out" / "demo.json").read_text())
    assert told["orphans"] == 0
    assert told["resources"] > 40
    assert told["accuracy"] > told["baseline_accuracy"] > 0.5
    assert 0 < told["p50_ms"] <= told["p99_ms"] < told["cold_start_ms"]
    assert min(told[name] for name in ("seconds", "deploy_seconds", "train_seconds", "cost_usd")) > 0
    page = (folder / "out" / "demo.html").read_text()
    assert page.count("<svg") == 4
    assert "local-us-east-1-serving" in page
    assert not localcloud.running(folder / ".groundplan")
