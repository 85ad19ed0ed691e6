"""Machine code ahead of time: torch.export and AOTInductor, for the processor or the GPU that a network is on."""

import logging
import warnings
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch._inductor import cpp_builder, exc
from torch._inductor.utils import fresh_cache

COMPILED_FILE = "model.pt2"


def lacks() -> tuple[str, str] | None:
    """Return what this machine lacks to compile, and what to do; torch looks for the compiler as it will later."""
    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        fix = "install g++ there (ml/images/base.txt without -slim brings it)"
        return "there is no C++ compiler on the PATH of the machine that optimizes", fix
    return None


def device() -> torch.device:
    """Return where to compile for: the GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compile_ahead(part: ModuleType, network: nn.Module, example: Tensor, out: Path) -> None:
    """Write the network as one package with open batch and length, for the device that it is on."""
    place = next(network.parameters()).device
    # What torch says of its own future; what is written is measured by `parity`.
    with warnings.catch_warnings(), torch.no_grad(), fresh_cache(dir=str(out.parent)):
        warnings.simplefilter("ignore")
        logging.getLogger("torch._inductor").setLevel(logging.ERROR)
        program = torch.export.export(network, (example.to(place),), dynamic_shapes=(part.OPEN_SHAPE,))
        # Else it counts on as many threads as there are here.
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(out), inductor_configs={"cpp.dynamic_threads": True}
        )
