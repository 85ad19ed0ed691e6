"""What `cdktf` runs: each environment's platform, written as Terraform JSON to cdktf.out/.

``python app.py [ENVIRONMENT …]``; without names GROUNDPLAN_ENVIRONMENTS (comma between names) says which, else all.
``python app.py ENVIRONMENT --given`` takes the environment as a pickled value on standard input: what the command hands
on, for it also works on environments that no file holds, such as a rehearsal of prod on the embedded cloud.
"""

import gc
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.bindings import start_node_meanwhile

if __name__ == "__main__":
    # Node takes as long to start as Python to read the environments.
    start_node_meanwhile()

import environments
from infra.spec import Environment, GroundplanError

GIVEN, BOOTSTRAP = "--given", "--bootstrap"


def synthesize(environment_names: Sequence[str], outdir: Path | str) -> list[str]:
    """Write the stacks of these environments below `outdir`; return their ids, those that others need first."""
    return write([environments.load(name) for name in environment_names], outdir)


def write(given: Sequence[Environment], outdir: Path | str, *, bootstrap: bool = False) -> list[str]:
    """Write the stacks of these values, or what they stand on; whether a file holds them makes no difference."""
    # Not at the top: these start Node.
    from infra.toolkit import new_app, stack_order
    from stacks.bootstrap import BootstrapStack
    from stacks.platform import build_platform

    # Nothing that is made here is garbage before the program ends.
    gc.disable()
    with new_app(Path(outdir)) as app:
        for environment in given:
            (BootstrapStack if bootstrap else build_platform)(app, environment)
    return stack_order(Path(outdir))


def main(words: Sequence[str] = ()) -> None:
    """Synthesize the named or given environments to where the toolkit wants them."""
    outdir = Path(os.environ.get("CDKTF_OUTDIR", "cdktf.out"))
    if GIVEN in words:
        given = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the parent process, which is this program
        write([given], outdir, bootstrap=BOOTSTRAP in words)
        return
    asked = words or [name for name in os.environ.get("GROUNDPLAN_ENVIRONMENTS", "").split(",") if name]
    synthesize(asked or environments.names(), outdir)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except GroundplanError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
