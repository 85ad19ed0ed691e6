"""Starts jsii's Node once, with the hook that all of the program uses."""

import os

from infra.bindings import start_node

start_node(os.environ)
