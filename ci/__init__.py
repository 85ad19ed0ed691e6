"""How it ships: the `groundplan` command. Each command is a thin layer over a function that returns a typed result."""
