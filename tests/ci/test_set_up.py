"""What set-up makes whole."""

from importlib.metadata import Distribution
from pathlib import Path

from ci import set_up

METADATA = """Metadata-Version: 2.4
Name: torch
Version: 2.13.0
Requires-Dist: PyYAML
Requires-Dist: typing-extensions>=4.10
Requires-Dist: no-such-cudnn==9.1; platform_system != "Nowhere"
Requires-Dist: no-such-toolkit[cublas]==13.0.3
Requires-Dist: no-such-windows; platform_system == "Nowhere"
Requires-Dist: no-such-extra; extra == "more"
"""


def test_what_a_build_asks_for_and_nobody_installed_is_found(tmp_path: Path) -> None:
    """The build for CUDA names libraries that the lock leaves out; what is here or for elsewhere is not asked for."""
    (tmp_path / "METADATA").write_text(METADATA)
    assert set_up.unmet(Distribution.at(tmp_path)) == [
        'no-such-cudnn==9.1; platform_system != "Nowhere"',
        "no-such-toolkit[cublas]==13.0.3",
    ]


def test_torch_here_is_whole() -> None:
    assert set_up.torch() == "whole"
