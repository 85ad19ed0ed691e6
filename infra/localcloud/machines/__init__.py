"""The machines of the embedded cloud: what moto records but never starts."""
