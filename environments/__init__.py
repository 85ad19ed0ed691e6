"""What runs: one file for each environment, found by its name."""

import sys
from importlib import import_module
from pkgutil import iter_modules

from infra.spec import Environment, Problem, SpecError, gather, nearest


def names() -> tuple[str, ...]:
    """Return the environments that have a file here."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def load(name: str) -> Environment:
    """Return the environment `name`; raise `SpecError` with all problems of its file, or with the nearest names."""
    if name not in names():
        fix = nearest(name, names(), otherwise=f"there are {', '.join(names())}")
        raise SpecError([Problem("environment", repr(name), "has no file in environments/", fix)])
    module = f"{__name__}.{name}"
    try:
        with gather():
            environment = import_module(module).ENVIRONMENT
    except SpecError:
        # A second try reads the file again, which may be mended by then.
        sys.modules.pop(module, None)
        raise
    if not isinstance(environment, Environment) or environment.name != name:
        rule = f"is not the environment {name!r}"
        fix = f"write ENVIRONMENT = Environment(name={name!r}, …)"
        raise SpecError([Problem(f"environments/{name}.py", "ENVIRONMENT", rule, fix)])
    return environment
