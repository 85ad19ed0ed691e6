"""Gauges: figures that AWS does not publish, measured by a function and told to CloudWatch."""
