"""Release: a model's files as one signed, reproducible bundle, and the check that comes before it is served."""
