"""Training: one loop for every model, on one process or many (`python -m ml train`, or under torchrun)."""
