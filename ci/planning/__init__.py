"""A training on paper: whether it fits a machine, how long it takes and what it costs, before anything is started."""
