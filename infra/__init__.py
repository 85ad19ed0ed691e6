"""How one thing is built: constructs, the words they take, and the embedded cloud."""
