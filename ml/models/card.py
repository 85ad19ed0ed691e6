"""A model card: what a reader must know before using a model, and what the server must know to answer for it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TextField:
    """A text in a request, with the bounds that the server holds it to."""

    most_characters: int
    type: str = "string"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What an instance of a request holds and what a prediction holds; travels with the bundle as signature.json."""

    instance: dict[str, TextField]
    labels: tuple[str, ...]
    most_instances: int = 64


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the model is for, what it was made from, where it must not be trusted."""

    name: str
    summary: str
    intended_use: str
    limits: str
    data: str
    licences: dict[str, str] = field(default_factory=dict)
    signature: Signature
