import torch
from torch import Tensor

from ml.training.kept_memory import KeptMemory


def state(value: float, *names: str) -> dict[str, dict[str, Tensor]]:
    return {"module": {name: torch.full((3,), value) for name in names}}


def test_a_copy_stays_when_the_state_moves_on_until_the_next_copy() -> None:
    memory, moving = KeptMemory(), state(1.0, "weight")
    copy = memory.stage(moving)["module"]["weight"]
    moving["module"]["weight"].add_(1.0)
    assert copy.tolist() == [1.0, 1.0, 1.0]
    again = memory.stage(moving)["module"]["weight"]
    assert again.tolist() == [2.0, 2.0, 2.0]
    assert again.data_ptr() == copy.data_ptr()


def test_a_state_that_has_other_parts_gets_other_memory() -> None:
    memory = KeptMemory()
    memory.stage(state(1.0, "weight"))
    assert {name: part.tolist() for name, part in memory.stage(state(2.0, "weight", "bias"))["module"].items()} == {
        "weight": [2.0, 2.0, 2.0],
        "bias": [2.0, 2.0, 2.0],
    }
