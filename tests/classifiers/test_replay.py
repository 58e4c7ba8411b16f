"""Replay of earlier nights in a training that goes on."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.recording import concatenate


def test_replay_is_training_on_both(medfuse, make_nights):
    X, y = make_nights(4)
    first, second = (X.subject == "s0"), (X.subject != "s0")
    one, other = (medfuse(max_epochs=1).fit(X, y) for _ in range(2))
    one.partial_fit(X[first], y[first], replay=(X[second], y[second]))
    both = concatenate([X[first], X[second]])
    other.partial_fit(both, np.concatenate([y[first], y[second]]))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_replay_keeps_stages_that_new_nights_lack(medfuse, make_nights):
    X, y = make_nights(4)
    few = y < 2

    def recall(**options):
        stager = medfuse(lr=0.05, max_epochs=8).fit(X, y)
        stager.partial_fit(X[few], y[few], **options)
        return np.mean(stager.predict(X[~few]) == y[~few])

    assert recall(replay=(X, y)) > recall() + 0.3


def test_plain_arrays(medfuse, blobs):
    X, y = blobs
    stager = medfuse().fit(X, y).partial_fit(X[:9], y[:9], replay=(X[9:], y[9:]))
    assert stager.predict(X).shape == y.shape


def test_what_cannot_be_replayed(medfuse, blobs, make_nights):
    X, y = blobs
    stager = medfuse().fit(X, y)
    with pytest.raises(ValueError, match=r"'replay' .* must be a pair \(X, y\)"):
        stager.partial_fit(X, y, replay=X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        stager.partial_fit(X[:10], y[:12], replay=(X[:12], y[:10]))
    with pytest.raises(ValueError, match="takes no 'groups' with 'replay'"):
        stager.partial_fit(X, y, groups=y, replay=(X, y))
    with pytest.raises(ValueError, match=r"of the kind of X: .* Got EpochArray"):
        stager.partial_fit(X, y, replay=make_nights(1))
