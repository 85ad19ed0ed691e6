"""Measures us beside the alternative, side by side in one run: `make bench` → out/bench.json."""
