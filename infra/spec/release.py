"""The words for how a new release comes to an endpoint's calls, and what sends it back."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem

Arrangement = Literal["split", "mirrored", "alone"]
"""What stands beside the old release: the new one with a share of the calls, with copies of them, or nothing."""


@dataclass(frozen=True)
class Stage:
    """One step of a release: this share of the calls goes to it, for at least so long, before the next one."""

    arrangement: Arrangement
    percent: int
    bake_seconds: int


class _Watched(Spec):
    """How a new release is judged while it bakes, against the old one that serves beside it.

    The two are compared again with each look, and it goes back once it is proven to be worse; see
    docs/decisions/releases-that-undo-themselves.md.
    """

    bake_seconds: int = Field(default=600, ge=0, le=86_400, description="0 to 86400 seconds that each step lasts")
    least_requests: int = Field(
        default=200, ge=0, description="requests that the new release must have answered in a step, 0 or more"
    )
    patience_seconds: int = Field(
        default=21_600, ge=1, description="seconds after which a step with too few requests goes back, 1 or more"
    )
    more_failed_percent: float = Field(
        default=1.0, ge=0, le=100, description="0 to 100 percent of the calls that may fail above those of the old"
    )
    more_slow_percent: float = Field(
        default=10.0, ge=0, le=100, description="0 to 100 percent of the calls that may be slower than with the old"
    )
    other_answers_percent: float = Field(
        default=15.0, ge=0, le=100, description="0 to 100 percent by which the share of a label may differ"
    )
    false_alarm_percent: float = Field(
        default=1.0, gt=0, le=50, description="how likely a sound release may be sent back, above 0 to 50 percent"
    )
    look_seconds: float = Field(
        default=60.0, gt=0, description="seconds between two looks; AWS has new figures once a minute"
    )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The steps, in order. After the last one the new release stands alone."""
        raise NotImplementedError


class Canary(_Watched):
    """A few calls at first, then more, each step with its time to bake; the old release stays until the last has."""

    title: ClassVar[str] = "canary"

    percents: tuple[int, ...] = Field(default=(10, 20, 100), description="rising shares of the calls, 1 to 100 percent")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """A split for each share."""
        return tuple(Stage("split", percent, self.bake_seconds) for percent in self.percents)

    def broken_rules(self) -> Iterator[Problem]:
        """Shares rise."""
        rising = (0, *self.percents, 101)
        if not self.percents or any(low >= high for low, high in pairwise(rising)):
            yield self.problem("percents", "does not rise from 1 or more to 100 or less", "write (10, 20, 100)")


class BlueGreen(_Watched):
    """All calls at once, with the old release kept warm beside the new one until it has baked: back in one step."""

    title: ClassVar[str] = "blue-green"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One split, which is none."""
        return (Stage("split", 100, self.bake_seconds),)


class Shadow(_Watched):
    """Copies of the calls, whose answers nobody gets, until it has baked; then all calls at once."""

    title: ClassVar[str] = "shadow"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One step without a call of its own."""
        return (Stage("mirrored", 0, self.bake_seconds),)


class AllAtOnce(_Watched):
    """All calls at once and no old release beside it: what else a laptop, or hosting with one variant, can have.

    While it bakes it is held to what its endpoint promises, for there is no old one to compare it with.
    """

    title: ClassVar[str] = "all at once"

    bake_seconds: int = Field(default=0, ge=0, le=86_400, description="0 (do not watch) to 86400 seconds")
    least_requests: int = Field(default=0, ge=0, description="requests that it must have answered, 0 or more")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """One step, alone."""
        return (Stage("alone", 100, self.bake_seconds),)


ReleaseSpec = Canary | BlueGreen | Shadow | AllAtOnce


def one_strategy(value: Any) -> Any:
    """Refuse all else in one sentence, where pydantic would try each kind and complain of all."""
    if value is not None and not isinstance(value, ReleaseSpec):
        raise ValueError("is no way to release")
    return value
