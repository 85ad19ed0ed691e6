"""How long somebody waits for `groundplan doctor`, the whole process, against a bound of 5 s: there is no peer.

Once where all is well, on the embedded cloud, and once where every endpoint of AWS's takes the call and says nothing.
"""

import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ci.bench.platform import fresh_site
from ci.bench.process import measure, python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.site import TEST_CREDENTIALS
from ci.workspace import ROOT

ROUNDS = 3
MOST_SECONDS = 5.0
# It may exit with 2, for that is a finding; what counts is that it found what this is about.
PROGRAM = """
import contextlib, io, sys
from ci.cli import run
with contextlib.redirect_stdout(io.StringIO()) as said:
    run(["doctor", *sys.argv[2:]])
sys.exit(0 if sys.argv[1] in said.getvalue() else said.getvalue())
"""


def seconds(told: str, environment: str, home: str, variables: Mapping[str, str]) -> float:
    """Seconds of the command in a process of its own, the slowest of a few runs: nobody is to wait longer."""
    command = python("-c", PROGRAM, told, environment, "--home", home)
    here = child_environment(dict(variables), forget=("AWS_",))
    return max(measure(command, cwd=ROOT, env=here).seconds for _ in range(ROUNDS))


@contextmanager
def silent() -> Iterator[str]:
    """Yield an endpoint that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def run() -> dict[str, Row]:
    """Measure `local` as it is ready, and `prod`, in two regions, as AWS says nothing of it."""
    with fresh_site() as site:
        ready = seconds("local: ready", "local", str(site.workspace.home), {})
    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as home, silent() as url:
        unanswered = seconds(
            "could not ask about who we are", "prod", home, TEST_CREDENTIALS | {"AWS_ENDPOINT_URL": url}
        )
    bound = {"the bound": MOST_SECONDS}
    return {
        "doctor": compare(ready, bound, unit="s", bound=1.0),
        "doctor_unanswered": compare(unanswered, bound, unit="s", bound=1.0),
    }
