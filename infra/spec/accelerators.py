"""How fast a GPU can be at best, by the names of the table of instance types.

From NVIDIA's data sheets, written down from memory: dense (no sparsity) tensor arithmetic with float32 sums, and what a
GPU can send to another one of its machine, one way (NVLink, else its PCIe slot).
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """`teraflops` is in bfloat16, or in float32 where `bfloat16` is False: those have no units for it."""

    teraflops: float
    link_gb_per_second: float
    bfloat16: bool = True


ACCELERATORS = {
    "T4": Accelerator(teraflops=8.1, link_gb_per_second=16, bfloat16=False),
    "T4g": Accelerator(teraflops=8.1, link_gb_per_second=16, bfloat16=False),
    "V100": Accelerator(teraflops=15.7, link_gb_per_second=150, bfloat16=False),
    "A10G": Accelerator(teraflops=70, link_gb_per_second=32),
    "L4": Accelerator(teraflops=121, link_gb_per_second=32),
    "L40S": Accelerator(teraflops=362, link_gb_per_second=32),
    "RTX PRO Server 6000": Accelerator(teraflops=500, link_gb_per_second=64),
    "A100": Accelerator(teraflops=312, link_gb_per_second=300),
    "H100": Accelerator(teraflops=989, link_gb_per_second=450),
    "H200": Accelerator(teraflops=989, link_gb_per_second=450),
    "B200": Accelerator(teraflops=2250, link_gb_per_second=900),
    "B300": Accelerator(teraflops=2250, link_gb_per_second=900),
}
