"""The evaluation: figures that fairlearn and scipy agree with, on answers of the very model that is served."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ml.data import datasets
from ml.data.datasets import Example
from ml.evaluation import fairness, gates, reasons, report, slices
from ml.evaluation.slices import Row
from ml.models import catalogue
from ml.models.card import Gates
from tests.ml.jobs import Job

MODEL, LABELS = "review_sentiment", ("negative", "positive")


def row(group: str, label: str, predicted: str) -> Row:
    return Row(example=Example(id="1", text=group, label=label), label=predicted, score=0.9)


def of_group(example: Example) -> str:
    return example.text


def rows(labels: tuple[str, ...]) -> some.SearchStrategy[list[Row]]:
    """Rows of two or three groups, each with every true label at least once."""
    one = some.builds(row, some.sampled_from("xyz"), some.sampled_from(labels), some.sampled_from(labels))
    there = [row(group, label, labels[0]) for group in "xy" for label in labels]
    whole = some.lists(one, max_size=60).filter(
        lambda found: {row.example.label for row in found if row.example.text == "z"} in (set(), set(labels))
    )
    return whole.map(lambda found: [*there, *found])


@settings(max_examples=25, deadline=None)
@given(drawn=rows(LABELS))
def test_groups_are_compared_as_fairlearn_compares_them(drawn: list[Row]) -> None:
    from fairlearn.metrics import MetricFrame, demographic_parity_difference, equalized_odds_difference
    from sklearn.metrics import accuracy_score

    truth, predicted = ([label == "positive" for label in labels] for labels in zip(*_labels(drawn), strict=True))
    groups = [row.example.text for row in drawn]
    frame = MetricFrame(metrics=accuracy_score, y_true=truth, y_pred=predicted, sensitive_features=groups)
    found = fairness.compare(drawn, of_group, LABELS, least_rows=1)
    assert {name: group.right.share for name, group in found.groups.items()} == pytest.approx(
        dict(frame.by_group), abs=1e-6
    )
    theirs = {
        "accuracy_gap": frame.difference(),
        "selection_gap": demographic_parity_difference(truth, predicted, sensitive_features=groups),
        "odds_gap": equalized_odds_difference(truth, predicted, sensitive_features=groups),
    }
    assert {name: getattr(found, name) for name in theirs} == pytest.approx(theirs, abs=1.1e-6)


def _labels(drawn: list[Row]) -> list[tuple[str, str]]:
    return [(row.example.label, row.label) for row in drawn]


@given(drawn=rows(("a", "b", "c")), least=some.integers(0, 30))
def test_groups_of_few_rows_are_shown_and_not_judged(drawn: list[Row], least: int) -> None:
    found = fairness.compare(drawn, of_group, ("a", "b", "c"), least_rows=least)
    assert sum(group.right.rows for group in found.groups.values()) == len(drawn)
    shares = [group.right.share for group in found.groups.values() if group.right.rows >= least]
    assert found.accuracy_gap == pytest.approx(max(shares, default=0) - min(shares, default=0), abs=1.1e-6)
    assert all(sum(group.selected.values()) == pytest.approx(1, abs=1e-5) for group in found.groups.values())


@given(rows=some.integers(1, 5000), share=some.floats(0, 1))
def test_confidence_is_scipys(rows: int, share: float) -> None:
    from scipy.stats import binomtest

    count = round(rows * share)
    theirs = binomtest(count, rows).proportion_ci(0.95, "wilson")
    found = slices.share(count, rows)
    assert (found.least, found.most) == pytest.approx((theirs.low, theirs.high), abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Gates(least_accuracy=0.7), "accuracy=0.6667 is below least_accuracy=0.7"),
        (Gates(least_slice_accuracy=0.6, least_rows=2), "accuracy=0.5000 on who 'y' (2 rows) is below least_slice"),
        (Gates(most_gap=0.4, least_rows=1), "accuracy gap 0.5000 between groups of 'who' is above 0.4"),
        (Gates(least_accuracy=float("nan")), "accuracy=0.6667 is below least_accuracy=nan"),
    ],
)
def test_what_a_card_asks_is_held_against_the_figures(asked: Gates, told: str) -> None:
    drawn = [row("x", "positive", "positive"), row("y", "positive", "positive"), row("y", "negative", "positive")]
    parts = {"who": {name: slices.right(part) for name, part in slices.split(drawn, of_group).items()}}
    fair = {"who": fairness.compare(drawn, of_group, LABELS, asked.least_rows)}
    (objection,) = gates.objections(asked, slices.right(drawn), parts, fair)
    assert objection.startswith(told)
    assert gates.objections(Gates(), slices.right(drawn), parts, fair) == []


class Words:
    """A handler that is as sure of `positive` as a text holds good words; the rest of it means nothing."""

    def likelihoods(self, instances: list[Any]) -> np.ndarray[Any, Any]:
        good = [0.4 + 0.1 * instance["text"].split().count("good") for instance in instances]
        return np.array([[1 - share, share] for share in good], np.float32)


def test_reasons_are_the_words_that_count_and_leaving_them_out_shows_it() -> None:
    text = "good Good, it was a good and a good film or so they say of it"
    found = reasons.gather(Words(), LABELS, [{"text": text}])
    assert next(iter(found.words["positive"])) == "good"
    assert found.words["positive"]["film"] == 0
    assert found.drop_without_heaviest == pytest.approx(0.3, abs=1e-3)
    assert found.drop_without_any < found.drop_without_heaviest
    assert found.words["negative"] == {}


@pytest.mark.parametrize(
    ("words", "name"), [(1, "1 to 10 words"), (10, "1 to 10 words"), (11, "11 to 20 words"), (41, "over 40 words")]
)
def test_texts_are_sliced_by_length(words: int, name: str) -> None:
    assert slices.length(Example(id="1", text="so " * words, label="a")) == name


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("Her best role.", "her"),
        ("He, and hers.", "both"),
        ("There is the sheriff.", "nobody by pronoun"),
        ("HIS", "him"),
    ],
)
def test_whom_a_review_speaks_of(text: str, whom: str) -> None:
    slicing, groups = slices.of(MODEL)
    assert groups == ("spoken of",)
    assert slicing["spoken of"](Example(id="1", text=text, label="positive")) == whom


@pytest.mark.xdist_group("ml")
def test_the_bundle_tells_how_the_served_model_answers(optimized: Job, reviews: Path) -> None:
    content = optimized.base / "model"
    held_out = datasets.read(reviews)[1]["test"][:320]
    handler = catalogue.part(MODEL, "handler").load(content, threads=1)
    answers = handler.predict([{"text": example.text} for example in held_out])
    right = sum(answer["label"] == example.label for answer, example in zip(answers, held_out, strict=True))
    told = json.loads((content / report.FILE).read_text())
    assert (told["right"]["rows"], told["right"]["share"]) == (320, round(right / 320, 6))
    for parts in told["slices"].values():
        assert sum(part["rows"] for part in parts.values()) == 320
        assert sum(round(part["rows"] * part["share"]) for part in parts.values()) == right
    assert told["reasons"]["drop_without_heaviest"] > told["reasons"]["drop_without_any"]
    card = catalogue.card(MODEL)
    strict = replace(card, gates=Gates(least_accuracy=0.99))
    assert report.evaluate(strict, handler, held_out[:40]).objections[0].endswith("is below least_accuracy=0.99")
    assert told["gates"] == asdict(card.gates)
