"""What a release that crashes costs: from the proof to its last bad answer, and how many answers are bad at all."""

from ci.bench.row import Row, compare
from ci.drill.release import DrilledRelease, canary, drill
from infra.spec import AllAtOnce, ReleaseSpec

BAKE_SECONDS = 15


def run() -> dict[str, Row]:
    """Release the same model by steps, and to all calls at once as an update of the whole endpoint does."""
    steps, whole = (
        _crashed(strategy)
        for strategy in (canary(BAKE_SECONDS), AllAtOnce(bake_seconds=BAKE_SECONDS, look_seconds=1.0))
    )
    peer = "all at once, watched"
    return {
        "rollback_breach_to_last_bad": compare(
            steps.breach_to_last_seconds or 0.0, {peer: whole.breach_to_last_seconds or 0.0}, unit="s", bound=1.0
        ),
        "rollback_bad_answers": compare(steps.failed, {peer: whole.failed}, unit="answers", bound=0.5),
    }


def _crashed(strategy: ReleaseSpec) -> DrilledRelease:
    (release,) = drill(strategy, kinds=("crashing",)).releases
    return release
