"""What a reader must know before using this model."""

from ml.models.card import AnswerField, Card, Signature, TextField

CARD = Card(
    name="review_writer",
    summary="Goes on with the beginning of an English review, byte by byte.",
    intended_use="A fork's second example: a language model from nothing, to try sharding, checkpoints and drills on.",
    limits=(
        "Small and taught on three megabytes: it writes words and short phrases, hardly sense. It repeats what people "
        "wrote on the web, rude words included. Not for texts that anybody will read as true."
    ),
    data=(
        "Snippets of film reviews, product reviews, tweets and newspaper comments (Hutto and Gilbert, ICWSM 2014), "
        "from the source package of vaderSentiment 0.5; ratings are not used; a fifth of the sources is held out."
    ),
    licences={
        "code and weights": "as this repository",
        "source package": "MIT, copyright (c) 2014 cjhutto",
        "texts": "their authors'; used to train, never redistributed with the model or this repository",
    },
    signature=Signature(
        instance={"text": TextField(most_characters=500)},
        labels=(),
        prediction={"continuation": AnswerField()},
        most_instances=8,
    ),
)
