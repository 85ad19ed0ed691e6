"""What a reader must know before using the toy."""

from ml.models.card import Card, Signature, TextField

CARD = Card(
    name="toy_model",
    summary="Says which letter a word holds more of.",
    intended_use="Tests.",
    limits="Knows a and b.",
    data="Made here.",
    signature=Signature(instance={"text": TextField(most_characters=20)}, labels=("a", "b")),
)
