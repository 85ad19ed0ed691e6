"""What `cdktf` runs: each environment's platform, written as Terraform JSON to cdktf.out/.

``python app.py [ENVIRONMENT …]``; without names GROUNDPLAN_ENVIRONMENTS (comma between names) says which, else all.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import environments
from infra.bindings import start_node
from infra.spec import GroundplanError


def synthesize(environment_names: Sequence[str], outdir: Path | str) -> list[str]:
    """Write the stacks of these environments below `outdir`; return their ids, those that others need first."""
    loaded = [environments.load(name) for name in environment_names]
    start_node(os.environ)
    # Not at the top: these start Node, which takes its settings from the line above.
    from infra.toolkit import new_app, stack_order
    from stacks.platform import build_platform

    with new_app(Path(outdir)) as app:
        for environment in loaded:
            build_platform(app, environment)
    return stack_order(Path(outdir))


def main(names: Sequence[str] | None = None) -> None:
    """Synthesize the named environments to where the toolkit wants them."""
    asked = names or [name for name in os.environ.get("GROUNDPLAN_ENVIRONMENTS", "").split(",") if name]
    synthesize(asked or environments.names(), Path(os.environ.get("CDKTF_OUTDIR", "cdktf.out")))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except GroundplanError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
