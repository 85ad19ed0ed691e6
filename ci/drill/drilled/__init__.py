"""The model that a release drill serves: right, slow, wrong or deadly, as its bundle says. It runs in the container."""
