"""One thing that the doctor looked at."""

from typing import Literal

from ci.result import Result
from infra.spec.errors import GroundplanError

State = Literal["ok", "warn", "fail"]


class QuotaFigures(Result):
    """A quota beside what an environment wants of it; `least` is what it cannot do without."""

    region: str
    service_code: str
    quota_code: str
    name: str
    have: float | None
    # By others than the environment itself.
    used: int
    need: int
    least: int


class Finding(Result):
    """What was found, and, where it is not well, what to do about it. `fail` stops a deploy or makes it useless."""

    check: str
    state: State
    told: str
    fix: str | None = None
    quota: QuotaFigures | None = None

    @classmethod
    def of_error(cls, check: str, error: GroundplanError) -> "Finding":
        """Return an error of ours as the finding that it is."""
        return cls(check=check, state="fail", told=f"{error.thing}: {error.value} {error.rule}", fix=error.fix)
