"""Where the command works: the checkout, and the one folder that it writes to."""

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A checkout and its `.groundplan` folder, which may be deleted whenever no cloud and no deploy runs."""

    root: Path = ROOT
    home: Path = ROOT / ".groundplan"
    # A folder of provider packages that the user prefers to what ci/provider_mirror.py finds.
    provider_mirror: Path | None = None
    # Where Terraform keeps the providers that it has unpacked; inside `home` unless another workspace shares its own.
    plugins: Path = field(default=Path())

    def __post_init__(self) -> None:
        if self.plugins == Path():
            object.__setattr__(self, "plugins", self.home / "plugins")

    def folder(self, environment: str) -> Path:
        """Return where an environment's synthesized stacks, locks and event streams lie."""
        path = self.home / "environments" / environment
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def cache(self) -> Path:
        """Return where set-up leaves data sets."""
        return self.root / ".cache"
