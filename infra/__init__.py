"""How one thing is built: constructs, the words they take, and the embedded cloud."""

from infra.bindings import load_bindings_lazily

# Before anything can import a provider binding, and harmless to those who never do.
load_bindings_lazily()
