"""`python -m infra.localcloud`: run one embedded cloud in the foreground until SIGTERM or Ctrl-C."""

import argparse
import sys
from pathlib import Path

from infra.localcloud.record import CloudError
from infra.localcloud.server import serve


def main() -> int:
    """Serve; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m infra.localcloud", description=__doc__)
    parser.add_argument("--name", default="default", help="name of the cloud (default: %(default)s)")
    parser.add_argument("--folder", type=Path, required=True, help="record, log and scratch files")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--program", type=Path, default=Path.cwd(), help="folder that holds ml (default: here)")
    options = parser.parse_args()
    try:
        serve(options.name, options.folder.resolve(), options.program.resolve(), options.port)
    except CloudError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
