"""The simple rival: which words a text holds, and a linear model on them."""

from collections.abc import Sequence

from ml.data.datasets import Example


def accuracy(train: Sequence[Example], test: Sequence[Example]) -> float:
    """Fit tf-idf and a logistic regression on the same rows that the model sees; return its share of right answers."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # A strong rival on purpose: word pairs and other strengths moved it by less than 0.005.
    rival = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1000))
    rival.fit([row.text for row in train], [row.label for row in train])
    return float(rival.score([row.text for row in test], [row.label for row in test]))
