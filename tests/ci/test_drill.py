"""The spot drill: its draws can be repeated, and it would say so if a run ended otherwise.

Real runs are struck by its line in the README (test_readme_blocks.py).
"""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from ci.cli import run
from ci.drill import picture
from ci.drill.remains import Remains, remains
from ci.drill.spot import DrilledRun, DrillResult
from ci.drill.strikes import KINDS, draw
from ml.training.stop import PHASES

TURNS = {"start-up": 1, "warm-up": 1, "step": 1, "evaluation": 1, "save": 3, "shutdown": 1}


def result(**changes: object) -> DrillResult:
    sound = {
        "seed": 1, "kind": "SIGKILL", "phase": "step", "struck_at_seconds": 1.0, "lost_steps": 5,
        "checkpoint_interval": 5, "half_written": 1, "half_written_loaded": False, "bit_identical": True,
        "weights_sha256": "", "seconds_lost": 1.0, "usd_saved": 0.1,
    }  # fmt: skip
    return DrillResult(
        model="m", recipe="r", steps=9, weights_sha256="", seconds_unstruck=1.0, instance="i", spot_assumption="",
        phases={"step": 1, "save": 0},
        runs=(DrilledRun.model_validate(sound | changes),),
    )  # fmt: skip


def test_a_seed_names_a_strike_and_a_hundred_seeds_meet_every_phase_in_every_way() -> None:
    strikes = [draw(seed, TURNS) for seed in range(100)]
    assert strikes == [draw(seed, TURNS) for seed in range(100)]
    assert set(Counter(strike.phase for strike in strikes)) == set(PHASES)
    assert set(Counter(strike.kind for strike in strikes)) == set(KINDS)
    assert {strike.turn for strike in strikes if strike.phase == "save"} == {1, 2, 3}


def test_a_drill_is_sound_only_if_every_run_is() -> None:
    assert result().sound
    assert not result(lost_steps=6).sound
    assert not result(bit_identical=False).sound
    assert not result(half_written_loaded=True).sound


def test_a_checkpoint_is_whole_only_with_every_file_as_listed(tmp_path: Path) -> None:
    for step in (6, 12):
        folder = tmp_path / f"step-{step:08d}"
        folder.mkdir()
        (folder / "shard").write_bytes(b"weights")
        (folder / "complete-0.json").write_text(json.dumps({"files": {"shard": sha256(b"weights").hexdigest()}}))
    (tmp_path / "step-00000018.tmp").mkdir()
    assert remains(tmp_path) == Remains(whole=frozenset({6, 12}), half_written=1)
    (tmp_path / "step-00000012" / "shard").write_bytes(b"weight")
    assert remains(tmp_path) == Remains(whole=frozenset({6}), half_written=2)


def test_a_drill_is_drawn_and_a_plot_that_cannot_be_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture.draw(result(), tmp_path / "drill.png")
    assert (tmp_path / "drill.png").read_bytes().startswith(b"\x89PNG")
    assert run(["drill", "spot", "--plot", "drill.txt"]) == 2
    assert "--plot: drill.txt must end in one of .png" in capsys.readouterr().err
