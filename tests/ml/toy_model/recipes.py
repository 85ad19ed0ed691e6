"""One way to train the toy."""

from ml.training.recipe import Recipe

RECIPES = {"only": Recipe(epochs=2, batch_size=8, learning_rate=0.05, log_every=5, checkpoint_every=7)}
