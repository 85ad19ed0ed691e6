"""A model made for one kind of machine answers as that which it was made of; where a machine cannot, it says so."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from ml.errors import InputError
from ml.optimization import compiled, packages, tensorrt
from ml.optimization.recipe import Compiled, Export, Optimization, TensorRT
from ml.serving.session import open_session
from tests.ml.jobs import Job, optimizing

pytestmark = pytest.mark.xdist_group("ml")
OPEN_SHAPE = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=64)}
TEXTS: Any = SimpleNamespace(INPUT="tokens", OPEN_SHAPE=OPEN_SHAPE)
needs_compiler = pytest.mark.skipif(compiled.lacks() is not None, reason="no C++ compiler is here")


class Mixed(nn.Module):
    """Token ids [batch, length] → logits [batch, 2], by as much of a text as there is."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mixing, self.last = nn.Embedding(50, 8), nn.Conv1d(8, 8, 3, padding=1), nn.Linear(8, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.last(self.mixing(self.words(tokens).transpose(1, 2)).relu().amax(2))
        return logits


@pytest.mark.slow
@needs_compiler
def test_a_compiled_network_answers_as_itself_for_any_batch_and_length(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Mixed().eval()
    compiled.compile_ahead(TEXTS, network, torch.randint(50, (2, 7)), tmp_path / "model.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"], "what the compiler left is gone"
    before = torch.get_num_threads()
    try:
        session = open_session(tmp_path / "model.pt2", threads=1)
        for shape in ((1, 1), (1, 9), (5, 7), (33, 64)):
            tokens = torch.randint(50, shape)
            with torch.inference_mode():
                expected = network(tokens)
            (answered,) = session.run(None, {"tokens": tokens.numpy()})
            assert torch.allclose(torch.from_numpy(answered), expected, atol=1e-5), shape
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@needs_compiler
def test_packages_are_measured_and_lie_beside_what_is_served(toy: Job, toy_model: Path, toy_data: Path) -> None:
    job = optimizing(toy, toy_model, toy_data, "compiled")
    said = job.run("optimize").well().said
    report: dict[str, Any] = job.report()
    assert [row["step"] for row in report["measured"]] == ["trained", "export"], "what is served is none of them"
    (package,) = report["packages"]
    measured, parity = package["measured"], package["parity"]
    assert (package["file"], measured["step"]) == ("model.pt2", f"compiled for {compiled.device().type}")
    assert measured["bytes"] == (job.base / "model" / "model.pt2").stat().st_size
    assert measured["accuracy"] == report["measured"][0]["accuracy"]
    assert measured["memory_bytes"] > report["measured"][-1]["memory_bytes"], "torch is in it"
    assert [timing["batch"] for timing in measured["timings"]] == [1, 32]
    assert (parity["unit"], parity["label_agreement"]) == ("logits", 1.0)
    (left_out,) = report["left_out"]
    assert left_out["package"] == "TensorRT"
    assert "offers no TensorrtExecutionProvider" in left_out["reason"]
    assert said.index("left out: TensorRT: ONNX Runtime offers no") < said.index("step=1")


def test_a_machine_without_a_compiler_is_told_before_any_work(toy: Job, toy_model: Path, toy_data: Path) -> None:
    (toy.base.parent / "bare").mkdir()
    bare = Job(base=toy.base, program=toy.program, environment={"PATH": str(toy.base.parent / "bare")})
    finished = optimizing(bare, toy_model, toy_data, "compiled").run("optimize")
    assert finished.code == 2, finished.said
    assert "package: Compiled cannot be made: there is no C++ compiler on the PATH" in bare.failure
    assert "install g++" in bare.failure
    assert "Compiled(optional=True)" in bare.failure
    assert "measured" not in finished.said
    assert not (bare.base / "model").exists()


@dataclass
class Runtime:
    """ONNX Runtime where a GPU is, as far as it is asked: `whole` says whether TensorRT takes all of the network."""

    whole: bool
    asked: ClassVar[list[Any]] = []

    def InferenceSession(self, model: str, *, providers: list[Any]) -> None:  # noqa: N802 - its name
        """Write the engine, as opening a session does."""
        self.asked[:] = [model, *providers]
        if self.whole:
            Path(providers[0][1]["trt_ep_context_file_path"]).write_bytes(Path(model).read_bytes())

    def get_available_providers(self) -> list[str]:
        """Name what there is."""
        return list(tensorrt.PROVIDERS)


def test_the_engine_is_built_by_explicit_shapes_into_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exported.onnx").write_bytes(b"graph")
    out = tmp_path / tensorrt.TENSORRT_FILE
    step = TensorRT(batch=(1, 4, 16), length=(2, 20, 128))
    monkeypatch.setattr(tensorrt, "onnxruntime", Runtime(whole=True))
    assert packages.possible([step]) == ([step], [])
    tensorrt.build(step, TEXTS, tmp_path / "exported.onnx", (2, 17), out)
    model, (provider, options), *others = Runtime.asked
    assert (model, provider) == (str(tmp_path / "exported.onnx"), "TensorrtExecutionProvider")
    assert others == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert options == {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": "engines",
        "trt_dump_ep_context_model": True,
        "trt_ep_context_file_path": str(out),
        "trt_ep_context_embed_mode": 1,
        "trt_profile_min_shapes": "tokens:1x2",
        "trt_profile_opt_shapes": "tokens:4x20",
        "trt_profile_max_shapes": "tokens:16x128",
        "trt_fp16_enable": True,
    }
    pictures: Any = SimpleNamespace(INPUT="pixels", OPEN_SHAPE={0: torch.export.Dim("batch")})
    assert tensorrt.options(step, pictures, (2, 3, 8, 8), out)["trt_profile_max_shapes"] == "pixels:16x3x8x8"
    out.unlink()
    monkeypatch.setattr(tensorrt, "onnxruntime", Runtime(whole=False))
    with pytest.raises(InputError, match="left no engine: .* only a part of the network"):
        tensorrt.build(step, TEXTS, tmp_path / "exported.onnx", (2, 17), out)


@pytest.mark.skipif(tensorrt.lacks() is None, reason="TensorRT is here")
def test_a_must_is_refused_where_no_gpu_is_and_an_option_is_left_out() -> None:
    with pytest.raises(InputError, match=r"TensorRT cannot be made: .*; optimize where a GPU") as caught:
        packages.possible([TensorRT()])
    assert caught.value.exit_code == 2
    made, (left_out,) = packages.possible([TensorRT(optional=True)])
    assert (made, left_out.package) == ([], "TensorRT")
    assert "only " in left_out.reason


def test_packages_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="Compiled are given twice"):
        Optimization(steps=(Export(),), packages=(Compiled(), Compiled(optional=True)))
    with pytest.raises(InputError, match=r"\(1, 64, 32\) does not rise"):
        TensorRT(batch=(1, 64, 32))
