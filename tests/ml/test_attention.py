"""Attention's kernel follows the longest example of a batch, and what a step computes does not."""

import pytest
import torch
from torch.backends import cuda
from torch.nn import functional

from ml.training import attention

CPU = torch.device("cpu")


@pytest.fixture
def fast_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})


@pytest.mark.usefixtures("fast_bfloat16")
@pytest.mark.parametrize(("longest", "fused"), [(12, False), (63, False), (64, True), (1024, True)])
def test_short_texts_take_plain_products(longest: int, fused: bool) -> None:
    with attention.kernel(CPU, longest):
        assert cuda.flash_sdp_enabled() == fused
    assert cuda.flash_sdp_enabled()


def test_other_arithmetic_keeps_torchs_own_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    for device in (CPU, torch.device("cuda")):
        with attention.kernel(device, 12):
            assert cuda.flash_sdp_enabled()


@pytest.mark.usefixtures("fast_bfloat16")
def test_both_kernels_give_the_same_gradients_as_near_as_bfloat16_is() -> None:
    torch.manual_seed(1)
    start = torch.randn(3, 4, 2, 10, 8)
    mask = (torch.arange(10) < torch.tensor([[10], [7], [3], [1]]))[:, None, None, :]
    gradients = []
    for longest in (10, 64):
        states = start.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16), attention.kernel(CPU, longest):
            functional.scaled_dot_product_attention(*states, attn_mask=mask).square().sum().backward()
        gradients.append(states.grad)
    torch.testing.assert_close(*gradients, rtol=0.05, atol=0.05)
