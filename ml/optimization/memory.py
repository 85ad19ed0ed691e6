"""How much memory a process takes that holds one model: asked of a process of its own, which answers some inputs.

`python -m ml.optimization.memory MODEL INPUTS [PROVIDER …]`: an ONNX file for these providers, a compiled package or a
pickled network, and inputs as numpy saved them.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ONNX, COMPILED = ".onnx", ".pt2"


def resident_bytes(model: Path, inputs: Path, providers: Sequence[str] = ()) -> int:
    """Return what a process that loaded the model and answered the inputs takes, its libraries among it."""
    command = [sys.executable, "-m", "ml.optimization.memory", str(model), str(inputs), *providers]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return int(said.stdout.split()[-1])


def _answer(model: Path, inputs: Path, providers: Sequence[str]) -> None:
    if model.suffix in {ONNX, COMPILED}:
        import numpy as np

        from ml.serving.session import open_session

        session = open_session(model, 1, providers)
        name = session.get_inputs()[0].name if model.suffix == ONNX else "any"
        session.run(None, {name: np.load(inputs)})
        return
    import numpy as np
    import torch

    torch.set_num_threads(1)
    # The file was written by the job that asks.
    network = torch.load(model, weights_only=False)
    with torch.inference_mode():
        network(torch.from_numpy(np.load(inputs)))


def _own_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _answer(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
    print(_own_bytes())
