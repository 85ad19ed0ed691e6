"""What a reader must know before using this model."""

from ml.models.card import Card, Gates, Signature, TextField, label_and_score

LABELS = ("negative", "positive")

CARD = Card(
    name="review_sentiment",
    summary="Says whether a sentence of a film review is positive or negative, and how surely.",
    intended_use="English sentences of reviews, one to a few at a time. A fork's first example.",
    limits=(
        "Taught on film reviews alone; weaker on news and on goods. No neutral answer: texts without a clear side were "
        "left out. Reads the first 128 word pieces of a text. Irony and mixed reviews are its commonest errors. "
        "Not to be used to judge people."
    ),
    data=(
        "Film review snippets rated by twenty people each (Hutto and Gilbert, ICWSM 2014), from the source package of "
        "vaderSentiment 0.5; snippets rated nearer than 0.5 to neutral are left out; a fifth is held out by id."
    ),
    licences={
        "code and weights added here": "as this repository",
        "pretrained weights (all-MiniLM-L6-v2)": "Apache-2.0",
        "ratings and source package": "MIT, copyright (c) 2014 cjhutto",
        "texts": "their authors'; used to train, never redistributed with the model or this repository",
    },
    signature=Signature(
        instance={"text": TextField(most_characters=2000)}, labels=LABELS, prediction=label_and_score(LABELS)
    ),
    # What a training by recipe `debug` reaches with room to spare; raise them to what your users need.
    gates=Gates(least_accuracy=0.6, least_slice_accuracy=0.5, most_gap=0.25, least_rows=40),
)
