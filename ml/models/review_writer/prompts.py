"""Texts as the network's input, the same where it is exported and where it answers."""

from collections.abc import Sequence

import numpy as np

END = b"\n"
Rows = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def rows(texts: Sequence[bytes], context: int) -> Rows:
    """Return the last bytes of each text, [texts, context]; short ones come after line ends, as texts do in training.

    All are of one length, so that no answer depends on what else was asked together with it.
    """
    return np.array([list(text.rjust(context, END)[-context:]) for text in texts], np.int64)
