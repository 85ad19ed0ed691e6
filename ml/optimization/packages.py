"""Packages: the model made for one kind of machine, beside the file that any machine opens."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ml.errors import InputError
from ml.optimization import compiled, tensorrt
from ml.optimization.candidate import Candidate
from ml.optimization.export import Parity
from ml.optimization.heldout import HeldOut
from ml.optimization.measure import Measured
from ml.optimization.recipe import Compiled, Package, TensorRT


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """A package's file, what it is like, and how near its answers are to those of the network that it was made of."""

    file: Path
    row: Measured
    parity: Parity


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A package that is made only where a machine can, and why this one cannot."""

    package: str
    reason: str


def possible(packages: Sequence[Package]) -> tuple[list[Package], list[LeftOut]]:
    """Return which of the packages this machine can make and which are left out; one that is a must is an error."""
    made, left_out = list[Package](), list[LeftOut]()
    for package in packages:
        name = type(package).__name__
        lacks = compiled.lacks() if isinstance(package, Compiled) else tensorrt.lacks()
        if not lacks:
            made.append(package)
        elif package.optional:
            left_out.append(LeftOut(package=name, reason=lacks[0]))
        else:
            fix = f"{lacks[1]}, or write {name}(optional=True) in the recipe"
            raise InputError("package", name, f"cannot be made: {lacks[0]}", fix)
    return made, left_out


def make(package: Package, exported: Candidate, heldout: HeldOut, folder: Path) -> tuple[str, Candidate]:
    """Make a package of a candidate that was exported and not quantized; return what to call it too."""
    example = heldout.sample(2)
    if isinstance(package, TensorRT):
        assert exported.file, "every optimization exports"
        out = folder / tensorrt.TENSORRT_FILE
        tensorrt.build(package, heldout.part, exported.file, example.shape, out)
        return "tensorrt", replace(exported, file=out, providers=tensorrt.PROVIDERS)
    out, device = folder / compiled.COMPILED_FILE, compiled.device()
    compiled.compile_ahead(heldout.part, copy.deepcopy(exported.network).to(device), example, out)
    return f"compiled for {device.type}", replace(exported, file=out)
