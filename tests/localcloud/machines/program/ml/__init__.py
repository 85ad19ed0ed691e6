"""A program for the tests: what a container runs here is written in the test that starts it."""
