"""The words of the command line. Each calls one function of `ci` and prints its result.

Imports wait until a command runs, so that `--help` is quick.
"""
