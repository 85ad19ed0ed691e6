"""What runs: one file for each environment, found by its name; `devpr7` is what pull request 7 has of `dev`."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from infra.spec import PREVIEW, Environment, Problem, SpecError, gather, nearest

_PREVIEW = re.compile(rf"([a-z][a-z0-9]*){PREVIEW}([1-9]\d*)")
_MODELS = Path(__file__).parent.parent / "ml" / "models"


def names() -> tuple[str, ...]:
    """Return the environments that have a file here."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def load(name: str) -> Environment:
    """Return the environment `name`; raise `SpecError` with all problems of its file, or with the nearest names."""
    if preview := _previewed(name):
        return _preview(load(preview[1]), int(preview[2]))
    if name not in names():
        fix = nearest(name, names(), otherwise=f"there are {', '.join(names())}")
        raise SpecError([Problem("environment", repr(name), "has no file in environments/", fix)])
    module = f"{__name__}.{name}"
    try:
        with gather() as problems:
            environment = import_module(module).ENVIRONMENT
            if isinstance(environment, Environment):
                problems += _unknown_models(environment)
    except SpecError:
        # A second try reads the file again, which may be mended by then.
        sys.modules.pop(module, None)
        raise
    if not isinstance(environment, Environment) or environment.name != name:
        rule = f"is not the environment {name!r}"
        fix = f"write ENVIRONMENT = Environment(name={name!r}, …)"
        raise SpecError([Problem(f"environments/{name}.py", "ENVIRONMENT", rule, fix)])
    return environment


def is_preview(name: str) -> bool:
    """Say whether that is what a pull request has of an environment."""
    return _previewed(name) is not None


def _previewed(name: str) -> re.Match[str] | None:
    found = _PREVIEW.fullmatch(name)
    return found if found and found[1] in names() else None


def _preview(environment: Environment, number: int) -> Environment:
    if environment.preview is None:
        fix = f"give it preview=PreviewSpec(…) in environments/{environment.name}.py"
        raise SpecError([Problem(f"environment {environment.name!r}", "preview=None", "allows no previews", fix)])
    return environment.preview_of(number, environment.preview)


def _unknown_models(environment: Environment) -> Iterator[Problem]:
    """Look for the folders: what deploys a model need not be able to import it."""
    models = [card.parent.name for card in _MODELS.glob("*/card.py")]
    for word in environment.words():
        model = word.__dict__.get("model")
        if isinstance(model, str) and model not in models:
            name = word.__dict__.get("name")
            thing = f"{word.title} {name!r}" if name else word.title
            fix = nearest(model, models, otherwise=f"there are {', '.join(sorted(models))}")
            yield Problem(thing, f"model {model!r}", "is no folder of ml/models", fix)
