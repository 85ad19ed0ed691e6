"""Evaluation: how the very model that will be served answers held-out rows, and what in that speaks against it."""
