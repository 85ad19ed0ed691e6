"""What a reader must know before using this model."""

from ml.models.card import Card, Signature, TextField, label_and_score

LABELS = ("a", "b")

CARD = Card(
    name="drilled",
    summary="Says which letter a word holds more of, unless it was released to fail.",
    intended_use="Release drills.",
    limits="Knows two letters.",
    data="None.",
    signature=Signature(
        instance={"text": TextField(most_characters=50)}, labels=LABELS, prediction=label_and_score(LABELS)
    ),
)
