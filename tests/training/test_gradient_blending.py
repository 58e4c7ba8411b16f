"""Gradient blending: the policy on curves of known kind, and the callback."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.classifiers import DeepSleepNetClassifier, XSleepNetClassifier
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.training import Checkpoint, GradientBlending
from sleepkit.training._gradient_blending import progress_weights, slope_weights

N_WINDOWS = 2000


def curves(n_times):
    """Mean losses of a converged, an overfitting and a still learning head."""
    t = np.arange(n_times)[:, None]
    fall = np.exp(-t / [[12, 25, 80]])
    train = 0.3 + fall * [[1.2, 1.2, 1.3]] - [[0, 0.1, 0]]
    rise = [[0, 0.02, 0]] * np.maximum(t - 30, 0)
    valid = 0.35 + fall * [[1.1, 1.1, 1.25]] + rise
    return train, valid


# ----------------------------------------------------------------------------- policy


@pytest.mark.parametrize("n_times", range(1, 21))
def test_the_first_weights_are_alike(n_times):
    train, valid = curves(n_times)
    found = slope_weights(N_WINDOWS * train, N_WINDOWS * valid)
    assert found.tolist() == [1 / 3] * 3


def test_heads_are_ranked_by_how_they_generalise():
    train, valid = curves(110)
    converged, overfitting, learning = slope_weights(
        N_WINDOWS * train, N_WINDOWS * valid
    )
    assert learning > converged > overfitting > 0
    assert converged + overfitting + learning == pytest.approx(1)
    assert learning > 0.5


def slope_by_hand(losses, end):
    """Slope of a line through the averages of a window that ends before `end`."""
    averages = [np.mean(losses[max(0, t - 19) : t + 1]) for t in range(end)]
    return np.polyfit(range(20), averages[-20:], deg=1)[0]


@pytest.mark.parametrize("n_times", [21, 22, 60])
def test_slopes_by_hand(n_times):
    train, valid = (N_WINDOWS * curve for curve in curves(n_times))
    noise = np.random.default_rng(0).normal(size=(2, n_times, 3))
    train, valid = train + 30 * noise[0], valid + 30 * noise[1]
    weights = []
    for head in range(3):
        pairs = [
            (slope_by_hand(valid[:, head], end), slope_by_hand(train[:, head], end))
            for end in range(20, n_times + 1)
        ]
        of_valid, of_train = pairs[-1]
        ref_valid, ref_train = min(pairs[:-1])
        gap = (of_valid - of_train) - (ref_valid - ref_train)
        weights.append(max(0, (of_valid - ref_valid) / (gap**2 + 1e-6)))
    found = slope_weights(train, valid)
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(found, np.where(expected > 0, expected, 0), atol=1e-5)


def test_heads_at_their_steepest_fall_have_no_weight():
    """All alike where that is true of all of them."""
    t = np.arange(40.0)[:, None]
    falling = -(t**2) * [[1, 1, 1]]
    assert slope_weights(falling, falling).tolist() == [1 / 3] * 3
    train, valid = falling.copy(), falling.copy()
    train[:, 0], valid[:, 0] = 300 * np.exp(-t[:, 0]), 200 * np.exp(-t[:, 0])
    assert slope_weights(train, valid).tolist() == [1, 0, 0]


def test_no_weight_but_zero_is_smaller_than_the_least():
    train, valid = (N_WINDOWS * curve for curve in curves(60))
    valid[:, 1] += 1e4 * np.maximum(np.arange(60) - 40, 0)
    found = slope_weights(train, valid)
    assert found[1] == 1e-5
    assert found.sum() == pytest.approx(1, abs=2e-5)


def test_falls_since_the_start():
    train = np.array([[1.6, 1.6, 1.6], [0.5, 0.2, 1.6]])
    valid = np.array([[1.6, 1.6, 1.6], [0.6, 0.8, 1.7]])
    weights = [1.0 / (0.1**2 + 1e-6), 0.8 / (0.6**2 + 1e-6), 0]
    found = progress_weights(train, valid)
    np.testing.assert_allclose(found, np.array(weights) / sum(weights))
    assert progress_weights(train[:1], valid[:1]).tolist() == [1 / 3] * 3


def test_losses_that_diverged_leave_the_weights_alike():
    train, valid = curves(30)
    train[-1] = np.nan
    assert slope_weights(train, valid).tolist() == [1 / 3] * 3


# --------------------------------------------------------------------------- callback


def stager(**params):
    small = {
        "n_filters": (2, 2),
        "raw_hidden_size": 2,
        "n_layers": 1,
        "n_fft": 32,
        "n_spectral_filters": 3,
        "hidden_size": 2,
        "attention_size": 2,
        "sequence_length": 4,
        "batch_size": 8,
        "lr": 0.01,
        "random_state": 0,
        "validation_fraction": 0.3,
        "device": "cpu",
        "n_threads": 1,
    }
    return XSleepNetClassifier(**small | {"validate_every": 1} | params)


@pytest.fixture(scope="module")
def nights():
    """Three nights of 8 short epochs of noise, as loud as their stage."""
    return short_nights(8)


def short_nights(n_epochs):
    """Three nights of short epochs of noise, as loud as their stage."""
    found = []
    for i in range(3):
        stages = np.random.default_rng(i).integers(3, size=n_epochs)
        data = np.random.default_rng(i).normal(size=(1, n_epochs * 40))
        signals = {"eeg": Signal(data * 4.0 ** np.repeat(stages, 40), 10)}
        night = {"id": f"n{i}", "subject": f"s{i}", "hypnogram": stages}
        found.append(Recording(**night, signals=signals, epoch_duration=4.0))
    X = EpochArray(found)
    return X, X.hypnogram


def weights(fitted):
    heads = ("raw", "spectral", "joint")
    history = fitted.net_.history
    return np.array([history[:, f"weight_{name}"] for name in heads]).T


def blending(fitted):
    (found,) = [c for _, c in fitted.net_.callbacks_ if isinstance(c, GradientBlending)]
    return found


@pytest.mark.parametrize(("variant", "first"), [(1, 1), (2, 20)])
def test_weights_of_a_training(nights, variant, first):
    fitted = stager(variant=variant, lr=0.05, max_epochs=first + 5).fit(*nights)
    found = weights(fitted)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-4)
    # losses before the training count, too
    np.testing.assert_allclose(found[: first - 1], 1 / 3)
    # alike while all heads are at their steepest fall
    assert found[first - 1 :].std(axis=1).max() > 0.01
    np.testing.assert_allclose(fitted.net_.criterion_.weights, found[-1], atol=1e-6)
    losses = np.array(blending(fitted).curves_)
    assert losses.shape == (first + 6, 2, 3)
    np.testing.assert_allclose(losses[0], np.log(3), atol=0.7)  # at the start


@pytest.mark.parametrize("n_epochs", [8, 6])  # 6: a last sequence with padding
def test_the_held_out_losses_are_those_of_the_validation(n_epochs):
    fitted = stager(max_epochs=2, batch_size=1).fit(*short_nights(n_epochs))
    joint = np.array(blending(fitted).curves_)[1:, 1, 2]
    np.testing.assert_allclose(joint, fitted.net_.history[:, "valid_loss"], rtol=1e-5)


def test_as_many_training_epochs_as_are_held_out(nights):
    fitted = stager(max_epochs=1).fit(*nights)
    train, valid = blending(fitted)._sets
    assert train.labelled.sum() == valid.labelled.sum() == 8
    assert not (train.labelled & valid.labelled).any()


def test_without_held_out_subjects_all_heads_count_alike(nights):
    fitted = stager(max_epochs=3, validation_fraction=0).fit(*nights)
    np.testing.assert_allclose(weights(fitted), 1 / 3)


def test_a_training_goes_on_from_its_checkpoint(nights, tmp_path):
    class Stop(Exception):
        pass

    class Interrupt(GradientBlending):
        """Stops a training as a crash would."""

        def on_train_begin(self, net, **kwargs):
            self.n_left = 3

        def on_epoch_begin(self, net, **kwargs):
            if self.n_left == 0:
                raise Stop
            self.n_left -= 1

        def on_epoch_end(self, net, **kwargs):
            pass

    def fit(folder, *more):
        callbacks = [Checkpoint(folder, max_share=1), *more]
        return stager(variant=1, max_epochs=5, callbacks=callbacks).fit(*nights)

    expected = weights(fit(tmp_path / "whole"))
    with pytest.raises(Stop):
        fit(tmp_path / "parts", Interrupt())
    again = fit(tmp_path / "parts")
    np.testing.assert_array_equal(weights(again), expected)


def test_a_loss_of_one_head_raises(nights):
    net = DeepSleepNetClassifier(
        callbacks=[GradientBlending()], n_filters=(2, 2), hidden_size=2
    )
    with pytest.raises(ValueError, match="StageLoss has no heads, no losses, no weigh"):
        net.fit(*nights)


def test_unknown_variant(nights):
    with pytest.raises(ValueError, match="'variant' parameter of XSleepNetClassifier"):
        stager(variant=3).fit(*nights)
