"""What moto leaves out or reads back wrongly, one file an AWS service."""

import importlib
import pkgutil


def load() -> None:
    """Register the operations of every file in this folder."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
