"""A small GPT, trained from nothing, that goes on with a text byte by byte."""
