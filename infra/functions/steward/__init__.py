"""The steward of an environment: `reaper` ends what outlived its time, `brake` stops training that nobody can pay."""
