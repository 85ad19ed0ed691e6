"""The words of a SEARCH: what each holds, and that every recipe's own values lie where its model's search looks."""

from dataclasses import replace
from typing import Any

import pytest

from ml.errors import InputError
from ml.models import catalogue
from ml.training.search import Choice, LogUniform, Uniform, Whole, Word, defaults

RECIPE = catalogue.recipe("review_sentiment", "debug")


@pytest.mark.parametrize("model", catalogue.names())
def test_every_recipe_can_be_compared_with_what_is_found(model: str) -> None:
    search = catalogue.search(model)
    for name in catalogue.part(model, "recipes").RECIPES:
        recipe = catalogue.recipe(model, name)
        values = defaults(search, recipe)
        assert recipe.changed({field: str(value) for field, value in values.items()}) == recipe


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        (Uniform(0.0, 1.0), (0.0, 0.5, 1.0), (-0.1, 1.1, 1, "0.5")),
        (LogUniform(1e-5, 1e-3), (1e-5, 1e-3), (0.0, 1e-2)),
        (Whole(1, 3), (1, 3), (0, 4, 2.0)),
        (Choice((16, 32)), (16, 32), (24, "16")),
    ],
)
def test_a_word_holds_what_lies_between_its_bounds(word: Word, inside: Any, outside: Any) -> None:
    assert all(value in word for value in inside)
    assert not any(value in word for value in outside)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Uniform(1.0, 1.0), "give low < high"),
        (lambda: Uniform(0.0, float("inf")), "finite"),
        (lambda: LogUniform(0.0, 1.0), "above 0"),
        (lambda: Whole(3, 1), "give low < high"),
        (lambda: Choice((1,)), "two or more"),
        (lambda: Choice((1, 1)), "two or more"),
        (lambda: defaults({"learning_rat": LogUniform(1e-5, 1e-3)}, RECIPE), "use 'learning_rate'"),
        (lambda: defaults({"learning_rate": LogUniform(1e-6, 1e-5)}, RECIPE), "recipe's own 0.0005; widen it"),
        (lambda: defaults({"epochs": Uniform(0.5, 2.0)}, replace(RECIPE, epochs=1)), "does not hold"),
    ],
)
def test_a_search_that_cannot_be_is_refused(make: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()
