"""A model as a fork would add it, in a folder of its own: which of two letters is the commoner one in a word."""
