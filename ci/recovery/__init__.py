"""How a training run outlives its machines: attempts, one at a time, within a budget, whoever looks after it."""
