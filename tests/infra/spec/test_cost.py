"""The words for money refuse what would stop work unannounced, or never."""

import pytest

import environments
from infra.spec import BudgetSpec, PayerSpec, SpecError


def budget(**fields: object) -> BudgetSpec:
    return BudgetSpec(**({"monthly_usd": 100, "emails": ("me@example.com",)} | fields))  # type: ignore[arg-type]


def test_training_stops_at_the_whole_budget_unless_somebody_says_otherwise() -> None:
    assert budget().stop_percent == 100
    assert budget(stop_percent=None).stop_percent is None
    assert budget().payer is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stop_percent": 20}, "stop_percent=20 is below every one of thresholds_percent=(50, 80, 100)"),
        ({"stop_percent": 0}, "stop_percent=0 is below 1"),
        ({"thresholds_percent": (50, 50)}, "names a share twice"),
        ({"thresholds_percent": ()}, "1 to 4 shares of the budget"),
        ({"emails": ()}, "1 to 10 addresses"),
        ({"monthly_usd": 0}, "whole US dollars, 1 or more"),
    ],
)
def test_bad_values_are_said_with_the_fix(fields: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        budget(**fields)
    assert said in str(caught.value)


def test_a_payer_is_a_role() -> None:
    with pytest.raises(SpecError, match="a role in the payer account"):
        PayerSpec(role_arn="arn:aws:iam::444444444444:user/me")
    with pytest.raises(SpecError, match="is given without reader_arn; give both, or neither"):
        PayerSpec(role_arn="arn:aws:iam::444444444444:role/bill")


def test_time_to_live_is_a_tag_that_is_always_there() -> None:
    dev, prod = environments.load("dev"), environments.load("prod")
    assert dev.tags("training")["ttl"] == f"{dev.ttl_hours}h"
    assert prod.tags("training")["ttl"] == "never"
    assert prod.tags("serving", "review_sentiment")["model"] == "review_sentiment"
