"""Bursts: machines that are made for one run of training, wherever there are any, and are gone after it."""
