"""The models there are: every folder of this package that holds a card."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ml import models
from ml.errors import InputError, nearest
from ml.models.card import Card
from ml.optimization.recipe import EXACT, Optimization
from ml.training.recipe import Recipe
from ml.training.search import Search


def names() -> tuple[str, ...]:
    """Name the models, by looking at the folders: nothing is registered anywhere."""
    return tuple(sorted(path.parent.name for place in models.__path__ for path in Path(place).glob("*/card.py")))


def part(model: str, name: str) -> Any:
    """Import one file of a model's folder (the table in `ml/models/__init__.py` says what each holds)."""
    if model not in names():
        raise InputError("hyperparameter 'model'", repr(model), "is no folder of ml/models", nearest(model, names()))
    return import_module(f"ml.models.{model}.{name}")


def folder(model: str) -> Path:
    """Return where a model's files are."""
    return Path(part(model, "card").__file__).parent


def card(model: str) -> Card:
    """Return a model's card."""
    found: Card = part(model, "card").CARD
    return found


def recipe(model: str, name: str) -> Recipe:
    """Return one of a model's recipes."""
    recipes: dict[str, Recipe] = part(model, "recipes").RECIPES
    if name not in recipes:
        raise InputError("hyperparameter 'recipe'", repr(name), f"is no recipe of {model}", nearest(name, recipes))
    return recipes[name]


def search(model: str) -> Search:
    """Return where to look for better values of a model's recipes."""
    found: Search | None = getattr(part(model, "recipes"), "SEARCH", None)
    if not found:
        fix = 'add one, e.g. SEARCH = {"learning_rate": LogUniform(1e-5, 1e-3)} (ml/training/search.py has the words)'
        raise InputError("model", repr(model), "has no SEARCH in its recipes.py, so nothing to tune", fix)
    return found


def optimizations(model: str) -> dict[str, Optimization]:
    """Return the ways to optimize a model: `exact`, and those of its own."""
    return {"exact": EXACT, **getattr(part(model, "recipes"), "OPTIMIZATIONS", {})}


def optimization(model: str, name: str) -> Optimization:
    """Return one of the ways to optimize a model."""
    known = optimizations(model)
    if name not in known:
        raise InputError("optimization", repr(name), f"is none of {model}", nearest(name, known))
    return known[name]


def has(model: str, name: str) -> bool:
    """Say whether a model has a file that not every model needs."""
    return (folder(model) / f"{name}.py").exists()
