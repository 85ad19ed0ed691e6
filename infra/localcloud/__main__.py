"""`python -m infra.localcloud`: run one embedded cloud in the foreground until SIGTERM or Ctrl-C."""

import argparse
import sys
from pathlib import Path

from infra.localcloud.account import ACCOUNT_ID, live_in
from infra.localcloud.record import CloudError


def main() -> int:
    """Serve; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m infra.localcloud", description=__doc__)
    parser.add_argument("--name", default="default", help="name of the cloud (default: %(default)s)")
    parser.add_argument("--folder", type=Path, required=True, help="record, log and scratch files")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--program", type=Path, default=Path.cwd(), help="folder that holds ml (default: here)")
    parser.add_argument(
        "--account", default=ACCOUNT_ID, help="the account that everything is in (default: %(default)s)"
    )
    options = parser.parse_args()
    live_in(options.account)
    # Not at the top: it imports moto, which copies the account's number as it is imported.
    from infra.localcloud.server import serve

    try:
        serve(options.name, options.folder.resolve(), options.program.resolve(), options.port)
    except CloudError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
