"""The tokenizer that cuts each word once gives what the tokenizer itself gives, on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ml.models.review_sentiment import words
from ml.models.review_sentiment.pretrained import pretrained_file
from ml.models.review_sentiment.words import Words

# What a tokenizer could see across a space: marks that combine, wide and narrow spaces, controls, its own marks.
PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(("\u0301", "\u0327", "\u3000", "\u00a0", "\u200d", "\u200b", "\u2028", "\x00", "\x1f", "\x85")),
    st.sampled_from(("\t", "\r\n", "[SEP]", "[CLS]", "[MASK]", "##ing", "Σ", "Σ'")),
    st.sampled_from(("unfathomably", "e\u0301te\u0301", "电影很好", "don't", "ΟΔΟΣ", "İstanbul", "ﬁlm", "x" * 101)),
)


def tokenizer(most: int | None) -> Tokenizer:
    found = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
    found.no_padding()
    if most:
        found.enable_truncation(most)
    else:
        found.no_truncation()
    return found


@pytest.fixture(scope="module", params=[None, 3, 12])
def both(request: pytest.FixtureRequest) -> tuple[Words, Tokenizer]:
    return Words(tokenizer(request.param)), tokenizer(request.param)


@given(st.lists(PIECES, max_size=12), st.sampled_from(["", " ", "  "]))
def test_the_ids_are_the_tokenizer_s_own(both: tuple[Words, Tokenizer], pieces: list[str], between: str) -> None:
    by_word, whole = both
    text = between.join(pieces)
    assert by_word.ids(text) == by_word.ids(text) == whole.encode(text).ids


def test_words_are_forgotten_when_there_are_too_many_and_cut_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_WORDS", 3)
    by_word, whole = Words(tokenizer(None)), tokenizer(None)
    text = "one film after another is shown to nobody but one"
    for _ in range(2):
        assert by_word.ids(text) == whole.encode(text).ids
        assert len(by_word) <= 3


def test_a_word_as_long_as_a_link_is_not_kept() -> None:
    by_word = Words(tokenizer(None))
    by_word.ids("see example.org/" + "a" * 40)
    assert set(by_word) == {"see"}
