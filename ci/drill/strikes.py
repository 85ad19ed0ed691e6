"""When and how a run is struck: drawn from a seed, so that a drill can be repeated."""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from ci.drill.attempt import Attempt
from infra.localcloud.instance_metadata import Metadata
from ml.training.stop import PHASES

Kind = Literal["interruption notice", "rebalance recommendation", "SIGTERM", "SIGKILL"]
KINDS: tuple[Kind, ...] = ("interruption notice", "rebalance recommendation", "SIGTERM", "SIGKILL")
# EC2 gives two minutes; what a drill's small model needs of them is a fraction.
GRACE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Strike:
    """A blow in a phase of a run, this far into it (0 to 1); the `turn`-th such phase where it comes again."""

    kind: Kind
    phase: str
    turn: int
    share: float


def draw(seed: int, turns: Mapping[str, int]) -> Strike:
    """Draw a strike; `turns` says how often a run that nobody struck went through each phase."""
    random = Random(seed)  # noqa: S311 - repeatable, nothing secret
    phase = random.choice([phase for phase in PHASES if turns.get(phase)])
    return Strike(kind=random.choice(KINDS), phase=phase, turn=random.randint(1, turns[phase]), share=random.random())


def deliver(strike: Strike, attempt: Attempt, metadata: Metadata, seconds: Mapping[str, float]) -> float | None:
    """Wait for the moment, strike, and wait for the end; return when it was, None for a run that was over by then."""
    if not attempt.wait_for(strike.phase, strike.turn):
        return None
    time.sleep(strike.share * seconds[strike.phase])
    blows: dict[Kind, Callable[[], None]] = {
        "interruption notice": metadata.announce_interruption,
        "rebalance recommendation": metadata.recommend_rebalance,
        "SIGTERM": lambda: attempt.strike(signal.SIGTERM),
        "SIGKILL": lambda: attempt.strike(signal.SIGKILL),
    }
    struck = time.monotonic() - attempt.began
    blows[strike.kind]()
    if attempt.ended(GRACE_SECONDS) is None:
        attempt.strike(signal.SIGKILL)
        attempt.ended()
    return struck
