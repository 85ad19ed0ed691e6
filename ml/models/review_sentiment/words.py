"""Token ids of texts, word by word, each word cut once.

BERT's tokenizer looks at nothing across a space: it cleans character by character, splits at white space, and cuts each
word by itself. So a text's ids are those of its words, and all but a few words have come before.
"""

import sys

from tokenizers import Tokenizer

# As many words as a language has that are used at all; some 5 MB, and at most 15 if all are long.
MOST_WORDS = 30_000
# What is longer is a link or a line without spaces, and does not come again.
MOST_CHARACTERS = 32


class Words(dict[str, list[int]]):
    """Each word's ids, cut when first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._first, self._last = tokenizer.encode("").ids
        self._most = tokenizer.truncation["max_length"] - 1 if tokenizer.truncation else sys.maxsize

    def __missing__(self, word: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
        if len(word) <= MOST_CHARACTERS:
            if len(self) >= MOST_WORDS:
                self.clear()  # What is in use is there again after a moment.
            self[word] = ids
        return ids

    def ids(self, text: str) -> list[int]:
        """Return a text's ids, a beginning and an ending mark around them, as the tokenizer itself would."""
        found = [self._first]
        for word in text.split(" "):
            found += self[word]
        del found[self._most :]
        found.append(self._last)
        return found
