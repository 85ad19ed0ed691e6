"""The images of ml/images: what they are built on, what is in them, how they are tried here and built in CI."""
