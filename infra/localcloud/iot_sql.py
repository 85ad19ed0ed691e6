"""The SQL of AWS IoT's rules, as much of it as rules that forward messages need.

    SELECT *, topic(5) AS thing, timestamp() AS at FROM 'dt/+/telemetry' WHERE startswith(jobId, 'shop-') AND size > 3

What is beyond that is refused when the rule is made: a rule that AWS reads otherwise than this cloud helps nobody.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

STATEMENT = re.compile(
    r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+'(?P<topic>[^']*)'(?:\s+WHERE\s+(?P<where>.+?))?\s*", re.I | re.S
)
TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*)|(?P<sign><>|<=|>=|[=<>(),*]))"
)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
UNDEFINED: Any = None


@dataclass(frozen=True)
class Message:
    """What an expression is read from: the topic, and the JSON of the message."""

    topic: str
    content: Any


Expression = Callable[[Message], Any]


@dataclass(frozen=True)
class Statement:
    """A rule's SQL, read. `fields` are (name, expression), `*` by the name `*`."""

    fields: tuple[tuple[str, Expression], ...]
    topic_filter: str
    where: Expression | None

    def select(self, topic: str, body: bytes) -> Any:
        """What the rule makes of a message; None when its condition does not hold. ValueError: no JSON, and needed."""
        everything = [name for name, _ in self.fields] == ["*"]
        try:
            content = json.loads(body)
        except ValueError:
            if not everything or self.where:
                raise
            content = body.decode(errors="replace")
        message = Message(topic, content)
        if self.where and self.where(message) is not True:
            return None
        if everything:
            return content
        selected: dict[str, Any] = {}
        for name, read in self.fields:
            value = read(message)
            if name == "*":
                selected.update(value if isinstance(value, dict) else {})
            elif value is not UNDEFINED:
                selected[name] = value
        return selected


def matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT filter takes a topic: `+` is one level, `#` all further ones; neither reaches into `$aws/…`."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, part in enumerate(wanted):
        if part == "#":
            return True
        if index >= len(given) or part not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


@cache
def parse(sql: str) -> Statement:
    """Read a rule's SQL; ValueError says what this cloud does not know of it."""
    found = STATEMENT.fullmatch(sql)
    if not found:
        raise ValueError(f"A rule is a SELECT, a FROM with a topic in quotes and perhaps a WHERE, not: {sql}")
    fields = _Reader(found["fields"]).fields()
    where = _Reader(found["where"]).condition() if found["where"] else None
    return Statement(tuple(fields), found["topic"], where)


class _Reader:
    """Reads expressions off a text, from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, []
        position = 0
        while text[position:].strip():
            token = TOKEN.match(text, position)
            if not token:
                raise ValueError(f"Cannot read {text[position:]!r}")
            self._tokens.append(token[0].strip())
            position = token.end()

    def fields(self) -> list[tuple[str, Expression]]:
        """`*, topic(2) AS thing, size`."""
        fields = [self._field()]
        while self._took(","):
            fields.append(self._field())
        self._end()
        return fields

    def condition(self) -> Expression:
        """`a = 1 AND (b OR c)`."""
        read = self._either()
        self._end()
        return read

    def _field(self) -> tuple[str, Expression]:
        if self._took("*"):
            return "*", lambda message: message.content
        name = self._tokens[0] if self._tokens else ""
        read = self._value()
        return (self._next() if self._took("as") else name.rsplit(".", 1)[-1]), read

    def _either(self) -> Expression:
        one = self._both()
        while self._took("or"):
            one = _joined(one, self._both(), any)
        return one

    def _both(self) -> Expression:
        one = self._comparison()
        while self._took("and"):
            one = _joined(one, self._comparison(), all)
        return one

    def _comparison(self) -> Expression:
        if self._took("not"):
            inner = self._comparison()
            return lambda message: inner(message) is False
        if self._took("("):
            inner = self._either()
            self._expect(")")
            return inner
        one = self._value()
        if self._tokens and self._tokens[0] in SIGNS:
            return _compared(one, SIGNS[self._next()], self._value())
        return one

    def _value(self) -> Expression:
        token = self._next()
        if token.startswith("'"):
            return lambda message: token[1:-1]
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            return lambda message: json.loads(token)
        if token.lower() in ("true", "false"):
            return lambda message: token.lower() == "true"
        if self._took("("):
            return self._call(token.lower())
        return lambda message: _member(message.content, token.split("."))

    def _call(self, name: str) -> Expression:
        arguments = []
        while not self._took(")"):
            arguments.append(self._value())
            if not self._took(","):
                self._expect(")")
                break
        if name not in FUNCTIONS:
            raise ValueError(f"The embedded cloud does not have the function {name}()")
        return lambda message: FUNCTIONS[name](message, *(argument(message) for argument in arguments))

    def _took(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError(f"Something is missing at the end of {self._text!r}")
        return self._tokens.pop(0)

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise ValueError(f"Expected {word!r} in {self._text!r}")

    def _end(self) -> None:
        if self._tokens:
            raise ValueError(f"Cannot read {' '.join(self._tokens)!r} in {self._text!r}")


def _joined(one: Expression, other: Expression, how: Callable[[list[bool]], bool]) -> Expression:
    return lambda message: how([one(message) is True, other(message) is True])


def _compared(one: Expression, sign: Callable[[Any, Any], bool], other: Expression) -> Expression:
    def compare(message: Message) -> Any:
        try:
            return sign(one(message), other(message))
        except TypeError:
            return UNDEFINED

    return compare


def _member(content: Any, path: list[str]) -> Any:
    for part in path:
        content = content.get(part, UNDEFINED) if isinstance(content, dict) else UNDEFINED
    return content


def _topic(message: Message, level: int | None = None) -> Any:
    parts = message.topic.split("/")
    if level is None:
        return message.topic
    return parts[level - 1] if 0 < level <= len(parts) else UNDEFINED


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "endswith": lambda message, text, end: isinstance(text, str) and text.endswith(end),
    "lower": lambda message, text: text.lower() if isinstance(text, str) else UNDEFINED,
    "startswith": lambda message, text, start: isinstance(text, str) and text.startswith(start),
    "timestamp": lambda message: int(time.time() * 1000),
    "topic": _topic,
}
