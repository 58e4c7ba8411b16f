"""What the stage of an epoch rests on: modalities, bands and seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.metrics._occlude import fade_out, remove_band
from sleepkit.utils import check_count, last_step

_BY: Final = ("modality", "band", "second")
_BANDS: Final[Mapping[str, tuple[float, float]]] = {
    "slow": (0.3, 1.0),
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
    "above": (30.0, np.inf),
}


class Occlusion(NamedTuple):
    """Stage of an epoch, and what removing parts of its signals does to it.

    Each value is the probability of the stage less its probability without the part,
    -1 to 1: high where the stage rests on the part, below zero where the part speaks
    for another stage.

    Parameters
    ----------
    stage : int or str
        The stage that is predicted from the whole epoch, as the estimator names it.
    probability : float
        Its probability.
    modality : dict of str to float
        Without each modality; NaN where the epoch has no other, and empty if there is
        one only or the estimator needs all.
    band : dict of str to dict of str to float
        For each modality, without each band of it.
    second : dict of str to ndarray of float, shape (n_seconds,)
        For each modality, without each second of it.

    See Also
    --------
    occlusion : Returns one.
    sleepkit.plotting.OcclusionDisplay : Draws it.

    Examples
    --------
    >>> from sleepkit.metrics import Occlusion
    >>> found = Occlusion(2, 0.8, {}, {"eeg": {"delta": 0.1, "sigma": 0.5}}, {})
    >>> max(found.band["eeg"], key=found.band["eeg"].get)
    'sigma'
    """

    stage: int | str
    probability: float
    modality: dict[str, float]
    band: dict[str, dict[str, float]]
    second: dict[str, FloatArray]


def occlusion(
    estimator: Any,
    recording: Any,
    epoch: int,
    *,
    by: Sequence[str] = _BY,
    bands: Mapping[str, tuple[float, float]] | None = None,
    context: int | None = None,
) -> Occlusion:
    """Explain the stage of an epoch by what changes when parts of it are removed.

    Parameters
    ----------
    estimator : estimator
        A fitted stager of recordings with ``predict_proba``, of any kind.
    recording : Recording
        The night, with continuous signals.
    epoch : int
        Number of the epoch, from 0.
    by : sequence of {"modality", "band", "second"}, default=("modality", "band", \
"second")
        What is removed. Of a stager that needs all modalities, none can be; leave it
        out for other estimators that refuse NaN.
    bands : mapping of str to (float, float), default=None
        Bands in hertz; None means seven from 0.3 Hz to half the sampling rate.
    context : int, default=None
        Epochs before and after the epoch that are staged with it. None means the whole
        night, which takes long: it is staged once for each part.

    Returns
    -------
    Occlusion
        The stage and the values of the parts.

    Raises
    ------
    ValueError
        If `recording` is none, has no such epoch or is not of continuous signals, `by`
        names something else, a band is not of increasing edges, or the estimator
        refuses an epoch that lacks a modality.

    See Also
    --------
    modality_contribution : Leaves a modality out of the whole night.
    sleepkit.plotting.OcclusionDisplay : Draws the result over the signals.

    Notes
    -----
    Only the epoch changes, and nowhere is an edge made that a stager could take for a
    signal. A modality is missing (NaN) in it. A band is subtracted by a filter of zero
    phase, and fades at both ends of the epoch. A second fades, in a quarter of a second
    on either side, into the straight line between its surroundings; the first and last
    one inside of themselves. Parts that carry
    the stage together have low values each, since one makes up for the other. With
    `context`, steps that scale by the night scale by this part of it. What a signal has
    nothing of, such as a band above half its sampling rate, has the value 0.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.metrics import occlusion
    >>> from sleepkit.preprocessing import BandPower, FitOnSelected
    >>> X, y, _ = make_polysomnography(1, hours=0.5, modalities="eeg", random_state=0)
    >>> classifier = FitOnSelected(LogisticRegression(max_iter=1000))
    >>> stager = make_pipeline(BandPower(), classifier).fit(X, y)
    >>> found = occlusion(stager, X.recordings[0], 10, by=["second"], context=1)
    >>> found.second["eeg"].shape
    (30,)
    """
    _check_by(by)
    ranges = _check_bands(_BANDS if bands is None else bands)
    night, place = _part(recording, epoch, context)
    explained = _Explained(estimator, night, place)
    by_modality: dict[str, float] = {}
    by_band: dict[str, dict[str, float]] = {}
    by_second: dict[str, FloatArray] = {}
    for name in night.signals:
        if "modality" in by and explained.can_lack:
            by_modality[name] = explained.without_modality(name)
        if "band" in by:
            by_band[name] = explained.without_bands(name, ranges)
        if "second" in by:
            by_second[name] = explained.without_seconds(name)
    return Occlusion(
        explained.stage, explained.probability, by_modality, by_band, by_second
    )


_Removal = Callable[[FloatArray, float, int, int], FloatArray]


class _Explained:
    """An epoch of a night, with its stage, to remove parts of."""

    def __init__(self, estimator: Any, night: Any, epoch: int) -> None:
        self.estimator = estimator
        self.night = night
        self.epoch = epoch
        whole = np.asarray(estimator.predict_proba(night), dtype=float)[epoch]
        self._column = int(whole.argmax())
        stage = estimator.classes_[self._column]
        self.stage = str(stage) if isinstance(stage, str) else int(stage)
        self.probability = float(whole[self._column])

    @property
    def can_lack(self) -> bool:
        """Whether the stager can do without one of the modalities."""
        any_subset = getattr(last_step(self.estimator), "any_subset", True)
        return len(self.night.signals) > 1 and bool(any_subset)

    def without(self, name: str, remove: _Removal, *within: float) -> float:
        """Loss of probability where a part of a modality is removed.

        `within` are seconds from the start of the epoch, by default all of it.
        """
        signal = self.night.signals[name]
        start, stop = self._samples(name, *within)
        data = remove(signal.data, signal.sfreq, start, stop)
        if np.array_equal(data, signal.data, equal_nan=True):
            return 0.0
        changed = self.night.with_signals(
            {**self.night.signals, name: signal.replace(data=data)}
        )
        proba = np.asarray(self.estimator.predict_proba(changed), dtype=float)
        return self.probability - float(proba[self.epoch, self._column])

    def without_modality(self, name: str) -> float:
        """Loss of probability without a modality; NaN if the epoch has no other."""
        others = [other for other in self.night.signals if other != name]
        if not any(self._has(other) for other in others):
            return float("nan")
        try:
            return self.without(name, _blank)
        except ValueError as error:
            msg = (
                f"The estimator of occlusion refuses epochs without {name!r}; leave "
                f"'modality' out of 'by'. ({error})"
            )
            raise ValueError(msg) from error

    def _has(self, name: str) -> bool:
        """Whether the epoch has a valid signal of a modality."""
        signal, (start, stop) = self.night.signals[name], self._samples(name)
        valid = signal.valid is None or signal.valid[self.epoch]
        return bool(valid and np.isfinite(signal.data[:, start:stop]).any())

    def without_bands(
        self, name: str, bands: Mapping[str, tuple[float, float]]
    ) -> dict[str, float]:
        """Loss of probability without each band."""
        return {
            key: self.without(name, partial(remove_band, band=band))
            for key, band in bands.items()
        }

    def without_seconds(self, name: str) -> FloatArray:
        """Loss of probability without each second."""
        n_seconds = int(self.night.epoch_duration)
        remove = partial(fade_out, within=self._samples(name))
        return np.array(
            [self.without(name, remove, t, t + 1.0) for t in range(n_seconds)]
        )

    def _samples(self, name: str, *within: float) -> tuple[int, int]:
        """Find the samples of seconds of the epoch, by default of all of it."""
        signal, duration = self.night.signals[name], self.night.epoch_duration
        first, last = (
            min(round((self.epoch * duration + t) * signal.sfreq), signal.shape[1])
            for t in within or (0.0, duration)
        )
        return first, last


def _blank(x: FloatArray, _sfreq: float, start: int, stop: int) -> FloatArray:
    """Make samples missing."""
    changed = x.copy()
    changed[:, start:stop] = np.nan
    return changed


def _check_by(by: Sequence[str]) -> None:
    """Require names of what can be removed."""
    if isinstance(by, str) or not by or not set(by) <= set(_BY):
        msg = f"'by' of occlusion must be a list of some of {_BY}. Got {by!r} instead."
        raise ValueError(msg)


def _check_bands(
    bands: Mapping[str, tuple[float, float]],
) -> Mapping[str, tuple[float, float]]:
    """Require bands of increasing edges."""
    for name, band in bands.items():
        if np.shape(band) != (2,) or not 0 <= band[0] < band[1]:
            msg = (
                "'bands' of occlusion must be pairs (low, high) in hertz, 0 <= low < "
                f"high. Got {band!r} for {name!r}."
            )
            raise ValueError(msg)
    return bands


def _part(recording: Any, epoch: int, context: int | None) -> tuple[Any, int]:
    """Cut a night to an epoch and those around it; return it and its place."""
    if not hasattr(recording, "n_epochs"):
        msg = f"'recording' of occlusion must be one Recording. Got {recording!r}."
        raise ValueError(msg)
    check_count("epoch", epoch, owner="occlusion", minimum=0)
    if epoch >= recording.n_epochs:
        msg = (
            f"'epoch' of occlusion must be below {recording.n_epochs}, the epochs of "
            f"recording {recording.id!r}. Got {epoch}."
        )
        raise ValueError(msg)
    night = recording.load()
    for name, signal in night.signals.items():
        if not signal.is_continuous:
            msg = (
                f"occlusion needs continuous signals, but {name!r} of recording "
                f"{recording.id!r} is epoched already (shape {signal.shape})."
            )
            raise ValueError(msg)
    if context is None:
        return night, epoch
    check_count("context", context, owner="occlusion", minimum=0)
    first, end = max(epoch - context, 0), min(epoch + context + 1, night.n_epochs)
    return _cut(night, first, end), epoch - first


def _cut(night: Any, first: int, end: int) -> Any:
    """Part of a night as a recording of its own."""
    signals = {}
    for name, signal in night.signals.items():
        start, stop = (
            round(epoch * night.epoch_duration * signal.sfreq) for epoch in (first, end)
        )
        valid = None if signal.valid is None else signal.valid[first:end]
        signals[name] = signal.replace(data=signal.data[:, start:stop], valid=valid)
    return type(night)(
        id=night.id,
        subject=night.subject,
        signals=signals,
        epoch_duration=night.epoch_duration,
    )
