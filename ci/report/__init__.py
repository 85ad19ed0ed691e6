"""The demo as one self-contained page, and the records it is drawn from."""
