"""Optimization: from a trained model to the one that is served, with proof that it still answers the same."""
