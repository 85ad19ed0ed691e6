"""The `groundplan` command on a checkout of tiny stacks: python command.py ROOT HOME WORDS…"""

import sys
from pathlib import Path

import ci.workspace
from ci.cli import main

if __name__ == "__main__":
    root, home, *words = sys.argv[1:]
    ci.workspace.ROOT = Path(root)
    sys.argv[1:] = [*words, "--home", home]
    main()
