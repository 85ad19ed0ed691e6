"""A model card: what a reader must know before using a model, and what the server must know to answer for it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TextField:
    """A text in a request, with the bounds that the server holds it to."""

    most_characters: int
    type: str = "string"


@dataclass(frozen=True, kw_only=True)
class AnswerField:
    """A value in a prediction: a string, one of `choices` if there are any, or a number between two bounds."""

    type: str = "string"
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What an instance of a request holds and what a prediction holds; travels with the bundle as signature.json."""

    instance: dict[str, TextField]
    labels: tuple[str, ...]
    prediction: dict[str, AnswerField] = field(default_factory=dict)
    most_instances: int = 64


def label_and_score(labels: tuple[str, ...]) -> dict[str, AnswerField]:
    """Return what a classifier's prediction holds: the likeliest label, and how likely it is."""
    return {"label": AnswerField(choices=labels), "score": AnswerField(type="number", least=0.0, most=1.0)}


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What the answers on held-out rows must show before a version may be released; as it stands, nothing.

    Slices and groups (slices.py of the model) of fewer than `least_rows` rows are shown, and not judged.
    """

    least_accuracy: float = 0.0
    least_slice_accuracy: float = 0.0
    # By how much the shares of right answers of two groups may lie apart.
    most_gap: float = 1.0
    least_rows: int = 50


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
    gates: Gates = field(default_factory=Gates)
