"""Ways into `python -m ml train`: how a run's processes come to be, and its files, where SageMaker moves none."""
