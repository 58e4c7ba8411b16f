"""Steps of a Pipeline."""

from __future__ import annotations

from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.utils import last_step


def test_the_last_step_or_the_estimator_itself():
    classifier = GaussianNB()
    assert last_step(classifier) is classifier
    assert last_step(make_pipeline(StandardScaler(), classifier)) is classifier
