"""The `groundplan` command on a checkout of tiny stacks: python command.py ROOT HOME WORDS…

What they declare counts as holding data, so that a test can lose some.
"""

import sys
from pathlib import Path

import ci.workspace
from ci.changes.resource import STATEFUL
from ci.cli import main

if __name__ == "__main__":
    root, home, *words = sys.argv[1:]
    STATEFUL.add("terraform_data")
    ci.workspace.ROOT = Path(root)
    # Not every command has a home; a rehearsal's come to know it by a variable.
    sys.argv[1:] = [*words, *(() if home == "-" else ("--home", home))]
    main()
