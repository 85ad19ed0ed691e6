"""What a server's cold start is made of, from its process to its first answer, beside a server on the training stack.

Both answer by MiniLM: ours from a signed bundle in int8, the other as it was trained. Nothing is fetched, so that what
is compared are the processes themselves; the whole of an endpoint's first call is row `cold_start` of `serve`.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ci.bench import serve_models
from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT

STAGES = ("process", "import", "load", "first inference")
ROUNDS = 5
# At most so much of the other's time.
SHARE = 0.5
BEGIN = """
import sys, time
moments = [float(sys.argv[1]), time.time()]
from pathlib import Path
from ml.models import catalogue
folder, told = Path(sys.argv[2]), {"text": "a quiet, lovely film"}
"""
END = """
moments.append(time.time())
print(*(after - before for before, after in zip(moments, moments[1:])))
"""
OURS = """
from ml.release import bundle
from ml.serving import server
handler = catalogue.part("review_sentiment", "handler")
moments.append(time.time())
bundle.verify(folder / "model", (folder / "public.pem").read_text())
ready = handler.load(folder / "model", 1)
moments.append(time.time())
ready.predict([told])
"""
NAIVE = """
import torch
from ml.data.datasets import Example
part = catalogue.part("review_sentiment", "exporting")
moments.append(time.time())
network = part.load(folder / "trained")
moments.append(time.time())
with torch.inference_mode():
    network(part.inputs(folder / "trained", [Example(id="", text=told["text"], label="")]))
"""


def run() -> dict[str, Row]:
    """Start both in turns, print each stage, and compare the sums."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        key = serve_models.make(folder, serve_models.heavy)
        (folder / "public.pem").write_text(key)
        _write_trained(folder / "trained", folder / "content" / "tokenizer.json")
        rounds = [(_stages(OURS, folder), _stages(NAIVE, folder)) for _ in range(ROUNDS + 1)][1:]
    # Noise on a shared machine only ever adds; the first round compiled and filled the disk's cache.
    ours, naive = (min((both[which] for both in rounds), key=sum) for which in (0, 1))
    table = Table("cold start", *STAGES, "in all, s")
    for name, stages in (("ours", ours), ("a server on torch", naive)):
        table.add_row(name, *(f"{seconds:.3f}" for seconds in stages), f"{sum(stages):.3f}")
    Console().print(table)
    return {"cold_start_process": compare(sum(ours), {"a server on torch": sum(naive)}, unit="s", bound=SHARE)}


def _write_trained(folder: Path, tokenizer: Path) -> None:
    from safetensors.torch import save_file

    from ml.models.review_sentiment import model

    folder.mkdir()
    save_file(model.pretrained(1, serve_models.LABELS, 0.0).state_dict(), folder / "weights.safetensors")
    (folder / tokenizer.name).write_bytes(tokenizer.read_bytes())


def _stages(program: str, folder: Path) -> list[float]:
    command = python("-c", BEGIN + program + END, str(time.time()), str(folder))
    said = subprocess.run(command, cwd=ROOT, env=child_environment(), check=True, capture_output=True, text=True)
    return [float(seconds) for seconds in said.stdout.split()]
