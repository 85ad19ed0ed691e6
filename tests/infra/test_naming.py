"""Physical names fit what AWS takes, also for the longest words that the spec lets through."""

import pytest

from infra.naming import Names
from infra.spec.errors import NamingError

LONGEST = Names(project="p" * 14, environment="e" * 10, region="ap-southeast-2", account_id="1" * 12)


def test_names_say_whose_and_where() -> None:
    names = Names("groundplan", "dev", "us-east-1", "555555555555")
    assert names.bucket("data") == "groundplan-dev-us-east-1-555555555555-data"
    assert names.role("training") == "groundplan-dev-us-east-1-training"
    assert names.regional("review_sentiment") == "groundplan-dev-review-sentiment"


def test_longest_words_fit() -> None:
    assert len(LONGEST.bucket("artifacts")) == 63
    assert len(LONGEST.role("batch-machine")) <= 64
    assert len(LONGEST.regional("e" * 24 + "-bootstrap")) <= 63


def test_name_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(NamingError, match=r"has 64 characters where AWS takes 63; shorten the project"):
        LONGEST.bucket("artifacts2")
