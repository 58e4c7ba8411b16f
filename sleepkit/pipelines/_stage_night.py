"""Staging of a whole night, epochs of bad signal included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from sleepkit import preprocessing, signal
from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.hypnogram import Hypnogram
from sleepkit.pipelines._stagers import takes_any_subset
from sleepkit.recording import Recording, as_epoch_array
from sleepkit.utils import html_table, last_step

_LOW: Final = 0.5  # confidence below which the other stages together are as probable


class StagedNight(NamedTuple):
    """Hypnogram of a night, and the epochs of it that are not to be trusted.

    Parameters
    ----------
    hypnogram : Hypnogram
        Stage and probabilities of each epoch of the night, with its start. An epoch
        without any samples is unscored, with probabilities of NaN.
    flagged : ndarray of bool, shape (n_epochs,)
        Epochs that were staged although their signals failed the quality check.

    See Also
    --------
    stage_night : Returns one.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.hypnogram import Hypnogram
    >>> from sleepkit.pipelines import StagedNight
    >>> sure, unsure = [0.9, 0.1, 0, 0, 0], [0, 0.4, 0.6, 0, 0]
    >>> night = Hypnogram([0, 2], probabilities=[sure, unsure])
    >>> StagedNight(night, np.array([False, True])).confidence
    array([0.9, 0.6])
    >>> StagedNight(night, np.array([False, True])).doubtful
    array([1])
    """

    hypnogram: Hypnogram
    flagged: BoolArray

    @property
    def confidence(self) -> FloatArray:
        """Highest probability of each epoch, shape (n_epochs,); NaN if it has none."""
        if self.hypnogram.probabilities is None:
            return np.full(len(self.hypnogram), np.nan)
        highest: FloatArray = np.asarray(self.hypnogram.probabilities).max(axis=1)
        return highest

    @property
    def doubtful(self) -> IntArray:
        """Epochs to review, the most doubtful first, shape (n_doubtful,).

        Flagged ones, and those whose other stages together are as probable; each group
        in the order of the confidence.
        """
        confidence = self.confidence
        order = np.lexsort((confidence, ~self.flagged))
        doubtful: IntArray = order[(self.flagged | (confidence < _LOW))[order]]
        return doubtful

    def to_frame(self) -> Any:
        """Convert to a pandas table with one row for each epoch.

        Returns
        -------
        pandas.DataFrame
            The columns of `Hypnogram.to_frame`, then ``confidence`` and ``flagged``.
        """
        frame = self.hypnogram.to_frame()
        return frame.assign(confidence=self.confidence, flagged=self.flagged)

    def _repr_html_(self) -> str:
        """Show the hypnogram and its doubtful epochs in a notebook."""
        counts = {"flagged": int(self.flagged.sum()), "doubtful": len(self.doubtful)}
        columns: Mapping[str, Any] = {
            "to review": list(counts),
            "epochs": list(counts.values()),
        }
        table = html_table(columns, caption="Epochs to review")
        return f"<div>{self.hypnogram._repr_html_()}{table}</div>"


def stage_night(stager: Any, night: Recording) -> StagedNight:
    """Stage all epochs of a night, those of bad signal too, and flag these.

    Parameters
    ----------
    stager : estimator
        A fitted classifier or Pipeline of nights, such as `make_stager` makes.
    night : Recording
        The night, with continuous signals.

    Returns
    -------
    StagedNight
        The hypnogram with its probabilities, and the flagged epochs.

    Raises
    ------
    RecordingError
        If no epoch has a signal that varies.

    See Also
    --------
    make_stager : Ready-made stagers.
    sleepkit.preprocessing.QualityMask : The quality check.

    Notes
    -----
    The check is the stager's first `QualityMask`, of what the steps before it give, or
    one with the default thresholds. Modalities that a `LogPoolClassifier` does not take
    are left out before it. An epoch is flagged where it marks every modality, or any
    modality for a stager that needs all. Such an epoch is staged from the signals
    without the mask; the stages of all other epochs do not depend on it. An epoch
    whose samples are missing is unscored.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.pipelines import make_stager, stage_night
    >>> X, y, groups = make_polysomnography(2, hours=0.2, random_state=0)
    >>> stager = make_stager("trees", random_state=0).fit(X, y)
    >>> staged = stage_night(stager, X.recordings[1])
    >>> len(staged.hypnogram), staged.flagged.sum()
    (24, np.int64(0))
    """
    night = _taken(stager, night.load())
    place = _place_of_mask(stager)
    if place:
        night = stager[:place].transform(night).recordings[0].load()
    check = preprocessing.QualityMask().fit(night) if place is None else stager[place]
    checked = check.transform(night).recordings[0].load()
    combine = np.any if takes_any_subset(stager) else np.all
    sampled = _sampled(night)
    # The check leaves some modalities out, such as breathing, also where none is there.
    valid = as_epoch_array(checked).valid
    good = combine([valid[name] & epochs for name, epochs in sampled.items()], axis=0)
    flagged = combine(list(sampled.values()), axis=0) & ~good
    probabilities = np.full((night.n_epochs, N_STAGES), np.nan)
    if place is not None:  # it need not run twice
        rest = stager[place + 1 :]
        _predict(rest, checked, good, probabilities)
        lifted = {name: flagged & epochs for name, epochs in sampled.items()}
        _predict(rest, _unmask(checked, lifted), flagged, probabilities)
    else:
        _predict(stager, night, good | flagged, probabilities)
    stages = np.full(night.n_epochs, UNSCORED)
    scored = good | flagged
    stages[scored] = probabilities[scored].argmax(axis=1)
    hypnogram = Hypnogram(
        stages, night.epoch_duration, start=night.start, probabilities=probabilities
    )
    return StagedNight(hypnogram, flagged)


def _taken(stager: Any, night: Recording) -> Recording:
    """Leave out the modalities that no member of a pool takes, if any is left."""
    taken = getattr(last_step(stager), "modalities_", night.signals)
    kept = {name: block for name, block in night.signals.items() if name in taken}
    return night.with_signals(kept) if kept else night


def _place_of_mask(stager: Any) -> int | None:
    """Find the first step that is a quality check."""
    steps = stager.steps if isinstance(stager, Pipeline) else ()
    checks = (
        i
        for i, (_, step) in enumerate(steps)
        if isinstance(step, preprocessing.QualityMask)
    )
    return next(checks, None)


def _predict(
    stager: Any, night: Recording, epochs: BoolArray, probabilities: FloatArray
) -> None:
    """Fill in the probabilities of some epochs, with the whole night as context."""
    if epochs.any():
        found = stager.predict_proba(night)[epochs]
        probabilities[epochs] = 0
        probabilities[np.ix_(epochs, stager.classes_)] = found


def _unmask(night: Recording, epochs: Mapping[str, BoolArray]) -> Recording:
    """Lift the masks of some epochs of each modality."""
    signals = dict(night.signals)
    for name, block in night.signals.items():
        if block.valid is not None:
            valid = block.valid[: night.n_epochs] | epochs[name]
            signals[name] = block.replace(valid=valid)
    return night.with_signals(signals)


def _sampled(night: Recording) -> dict[str, BoolArray]:
    """Epochs of each modality without a missing sample; at least one must vary."""
    sampled, varies = {}, False
    for name, block in night.signals.items():
        epochs = signal.to_epochs(
            block.data,
            block.sfreq or 0.0,
            night.epoch_duration,
            n_epochs=night.n_epochs,
        )
        whole = np.asarray(np.isfinite(epochs).all(axis=(1, 2)))
        if block.valid is not None:
            whole &= block.valid[: night.n_epochs]
        sampled[name] = whole
        varies |= bool(np.ptp(epochs[whole], axis=-1).any())
    if not varies:
        msg = (
            f"No epoch of {night.id!r} has a usable signal: all are missing or "
            "constant. See `sleepkit info`."
        )
        raise RecordingError(msg)
    return sampled
