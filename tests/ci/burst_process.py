"""The command `groundplan burst run` in a process of its own, on the site that comes by standard input.

Arguments: how many seconds Pulumi's engine has to end when it is told to, then the command's own.
"""

import pickle
import sys

from ci import cli
from ci.burst import engine
from ci.commands import burst
from ci.site import Site

if __name__ == "__main__":
    site = Site(*pickle.load(sys.stdin.buffer))
    burst.site = lambda *_: site
    engine.GRACE_SECONDS = float(sys.argv.pop(1))
    cli.main()
