"""Answers given lately, for clients that lost theirs: an SDK sends its call again then, which must not act twice."""

import re
import threading
from collections import OrderedDict

from infra.localcloud.wire import Answer, Environ

LATER_ATTEMPT = re.compile(r"attempt=(?!1\b)\d")
MOST_KEPT = 512
MOST_BYTES = 2**16


class GivenAnswers:
    """The last answers to calls that may have changed something, by the id that an SDK gives a call and its repeats."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Answer] = OrderedDict()

    def again(self, environ: Environ) -> Answer | None:
        """The answer to an earlier attempt of the same call; None for first attempts, and where that one failed."""
        if not LATER_ATTEMPT.match(environ.get("HTTP_AMZ_SDK_REQUEST", "")):
            return None
        with self._lock:
            return self._kept.get(environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""))

    def keep(self, environ: Environ, answer: Answer) -> None:
        """Keep an answer, unless it is a failure: a call that failed may be tried again in earnest."""
        call = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if not call or answer.status >= 400 or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return
        if len(answer.body) > MOST_BYTES:
            return
        with self._lock:
            self._kept[call] = answer
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
