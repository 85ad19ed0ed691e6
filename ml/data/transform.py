"""What makes a data set's shards out of rows: told in its manifest, so that a model can be traced through it."""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Transform:
    """The hash of the code (`ml/data` and the model's data.py), its settings, and the packages that it uses."""

    code: str
    settings: dict[str, Any]
    packages: dict[str, str]


def of(part: ModuleType) -> Transform:
    """Say what makes the shards of the model whose data.py this is."""
    assert part.__file__, "a model's data.py is a file"
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(part.__file__)]
    return Transform(
        code=hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(),
        settings=getattr(part, "SETTINGS", {}),
        packages={name: metadata.version(name) for name in getattr(part, "PACKAGES", ())},
    )
