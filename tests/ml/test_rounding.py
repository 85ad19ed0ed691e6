"""What learns in eight bits counts then as the quantized file will, and keeps weights that rounding leaves alone."""

import copy
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper, save
from torch import nn

from ml.optimization import quantize
from ml.optimization.distil import Lesson, distance, teach
from ml.optimization.recipe import Course
from ml.optimization.rounding import RoundedWeight, rounding
from ml.serving.session import open_session

INPUT = "inputs"


def network() -> nn.Sequential:
    """One whose weights are of very unlike sizes, so that eight bits tell."""
    torch.manual_seed(3)
    made = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2))
    with torch.no_grad():
        made[0].weight[:, 0] *= 40
        made[2].weight[:, 0] *= 40
    return made


def write(whole: nn.Sequential, out: Path) -> None:
    """Write it as ONNX by hand: the exporter would take seconds."""
    weights = [numpy_helper.from_array(value.numpy(), name) for name, value in whole.state_dict().items()]
    nodes, flowing = [], INPUT
    for name, layer in whole.named_children():
        following = f"flow_{name}"
        if isinstance(layer, nn.Linear):
            given = [flowing, f"{name}.weight", f"{name}.bias"]
            nodes.append(helper.make_node("Gemm", given, [following], name, transB=1))
        else:
            nodes.append(helper.make_node("Relu", [flowing], [following], name))
        flowing = following
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in ((INPUT, 6), (flowing, 2))
    ]
    graph = helper.make_graph(nodes, "whole", shapes[:1], shapes[1:], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(out))


def test_it_counts_as_the_quantized_file(tmp_path: Path) -> None:
    whole, inputs = network().eval(), torch.randn(256, 6)
    write(whole, tmp_path / "whole.onnx")
    quantize.static(tmp_path / "whole.onnx", tmp_path / "small.onnx", INPUT, iter([inputs.numpy()]))
    (served,) = open_session(tmp_path / "small.onnx", 1).run(None, {INPUT: inputs.numpy()})
    with torch.inference_mode():
        exact = whole(inputs).numpy()
    with torch.no_grad(), rounding(whole):
        rounded = whole(inputs).numpy()
    # Not the same: the file took its ranges from a network that was not rounded yet.
    assert np.abs(rounded - served).mean() < np.abs(exact - served).mean() / 2


def test_what_it_learnt_is_rounded_already_and_the_network_is_a_plain_one_again() -> None:
    student, names = network(), set(network().state_dict())
    inputs = torch.randn(64, 6)
    answers = torch.stack([inputs[:, 0], -inputs[:, 0]], 1)
    before = copy.deepcopy(student)
    course = Course(epochs=20, batch_size=16, quantization_aware=True)
    taught = teach(Lesson(student=student, inputs=list(inputs), answers=answers), course)
    assert set(taught.state_dict()) == names
    for place in (0, 2):
        weight = taught[place].weight.detach()  # type: ignore[index]
        assert torch.allclose(RoundedWeight(by_channel=True)(weight), weight, atol=1e-6)
        assert not taught[place]._forward_pre_hooks  # type: ignore[index]
    with torch.no_grad():
        far, near = (float(distance(one(inputs), answers, 2.0)) for one in (before, taught))
    assert near < far / 2
