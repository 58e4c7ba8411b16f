"""Band powers and their ratios: a flat table for any classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sleepkit._typing import Array, FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._base import SignalTransformer, continuous_epochs
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.signal import BANDS, band_powers
from sleepkit.utils import check_count, check_option

_NORMALIZE: Final = (None, "append", "replace")
_RATIOS: Final = (
    ("delta", "theta"),
    ("delta", "sigma"),
    ("delta", "beta"),
    ("alpha", "theta"),
)


class BandPower(SignalTransformer):
    """Logarithmic band powers of each epoch, and their ratios.

    The result is a table for any classifier of scikit-learn; one that accepts NaN, such
    as :class:`~sklearn.ensemble.HistGradientBoostingClassifier`, needs no imputation.
    `FitOnSelected` around the classifier makes it respect training masks, and fills
    columns that are NaN in every training row, such as the gamma power of recordings at
    50 Hz, on which some classifiers fail.

    Parameters
    ----------
    bands : mapping of str to (low, high), default=None
        The bands in hertz; None means `sleepkit.signal.BANDS`.
    ratios : sequence of (str, str), default=(("delta", "theta"), ("delta", "sigma"), \
("delta", "beta"), ("alpha", "theta"))
        Pairs of bands whose ratio is a feature as well.
    window : float, default=4.0
        Length of Welch's segments in seconds.
    normalize : {None, "append", "replace"}, default=None
        Whether each feature is also, or instead, given relative to its recording: less
        the median, over the interquartile range in units of the normal SD. Subjects and
        amplifiers differ more than stages do, so this helps on held-out subjects.
    context : int, default=0
        How many epochs before and after each epoch have their features appended. They
        come from the recording, whether or not they are rows of X; at its ends the last
        epoch is repeated.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out have no columns.

    Attributes
    ----------
    n_channels_ : dict of str to int
        Number of channels of each modality seen in `fit`.

    See Also
    --------
    FitOnSelected : Any estimator, fitted on the training rows.
    STFTEpocher : Spectra for nets.
    sleepkit.signal.band_powers : The function behind it.

    Notes
    -----
    The columns are fixed in `fit`: a modality that a recording lacks is NaN, and one
    that `fit` did not see has no column. Bands above `Signal.bandwidth`, invalid epochs
    and epochs of nothing but gaps are NaN.

    In plain arrays every row is its own recording and context.

    The table of recordings is computed whenever it is converted to an array, which a
    scikit-learn step may do several times: put a `Cache` behind this step.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import BandPower
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> noise = np.random.default_rng(0).standard_normal((1, 9000))
    >>> signals = {"eeg": Signal(noise, sfreq=100)}
    >>> X = EpochArray([Recording(id="n", subject="s", signals=signals)])
    >>> power = BandPower(ratios=[("delta", "beta")])
    >>> np.asarray(power.fit_transform(X)).shape
    (3, 8)
    >>> power.get_feature_names_out()[[1, 7]].tolist()
    ['eeg_0_delta', 'eeg_0_delta/beta']
    """

    _fitted_state = ("n_channels_",)

    def __init__(
        self,
        bands: Mapping[str, tuple[float, float]] | None = None,
        *,
        ratios: Sequence[tuple[str, str]] = _RATIOS,
        window: float = 4.0,
        normalize: str | None = None,
        context: int = 0,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.bands = bands
        self.ratios = ratios
        self.window = window
        self.normalize = normalize
        self.context = context
        self.sfreq = sfreq
        self.modalities = modalities

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Count the channels of each modality."""
        if isinstance(X, EpochArray):
            self.n_channels_ = _count_channels(X)
        else:
            channels = self._channels(X)
            self.n_channels_ = {name: len(where) for name, where in channels.items()}
        super()._fit(X, y)

    def _check_parameters(self) -> None:
        """Check the parameters that need no signal."""
        bands = self._bands()
        unknown = {name for pair in self.ratios for name in pair} - set(bands)
        if unknown:
            msg = (
                "The 'ratios' parameter of BandPower must be pairs of the bands "
                f"{tuple(bands)}. Got {sorted(unknown)} instead."
            )
            raise ValueError(msg)
        self._check_positive("window")
        check_option("normalize", self.normalize, _NORMALIZE, owner="BandPower")
        check_count("context", self.context, owner="BandPower", minimum=0)

    def _bands(self) -> Mapping[str, tuple[float, float]]:
        """Return the bands, in the order of the columns."""
        return BANDS if self.bands is None else self.bands

    def _layout(self, before: Mapping[str, int | None]) -> Mapping[str, int | None]:
        """Give every recording the modalities of `fit`, and their columns."""
        return {name: len(self._names(name)) for name in self.n_channels_}

    def _transform_recording(self, recording: Recording) -> Recording:
        """Compute the features of every epoch; NaN for absent modalities."""
        signals = recording.signals
        features = {}
        for name in self.n_channels_:
            if name in signals:
                features[name] = self._transform_signal(name, signals[name], recording)
            else:
                features[name] = self._absent(name, recording.n_epochs)
        return recording.with_signals(features)

    def _transform_signal(
        self, modality: str, signal: Signal, recording: Recording
    ) -> Signal:
        """Compute the features of the epochs of one signal."""
        epochs = continuous_epochs(modality, signal, recording, owner="BandPower")
        n_channels = self.n_channels_[modality]
        if signal.n_channels != n_channels:
            msg = (
                f"BandPower was fitted on {n_channels} channels of {modality!r}, but "
                f"recording {recording.id!r} has {signal.n_channels}."
            )
            raise RecordingError(msg)
        features = self._features(epochs, signal.sfreq or 0.0, signal.bandwidth)
        valid = ~np.isnan(features).all(axis=1)
        if signal.valid is not None:
            valid &= signal.valid[: recording.n_epochs]
        features[~valid] = np.nan  # so that no other epoch has it as context
        return signal.replace(
            data=self._columns(features, modality),
            sfreq=None,
            ch_names=self._names(modality),
            valid=None if valid.all() else valid,
        )

    def _absent(self, modality: str, n_epochs: int) -> Signal:
        """Fill the columns of a modality that was not recorded with NaN."""
        names = self._names(modality)
        values = np.full((n_epochs, len(names)), np.nan, np.float32)
        return Signal(values, ch_names=names, valid=np.zeros(n_epochs, np.bool_))

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Concatenate the features of all modalities, in the order of `fit`."""
        self._check_parameters()
        sfreq = self._array_sfreq()
        epochs = X if X.ndim > 2 else X[:, np.newaxis]
        parts = [
            self._transform_samples(epochs[:, where], sfreq, name)
            for name, where in self._channels(X).items()
        ]
        return np.concatenate(parts, axis=1)

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Compute the features of epochs, each its own recording and context."""
        return self._columns(self._features(data, sfreq, None), None)

    def _features(
        self, epochs: FloatArray, sfreq: float, bandwidth: float | None
    ) -> FloatArray:
        """Compute log powers and ratios, of shape (n_epochs, n_features)."""
        bands = self._bands()
        powers = band_powers(
            epochs, sfreq, bands, window=self.window, bandwidth=bandwidth
        )
        at = {name: i for i, name in enumerate(bands)}
        ratios = [powers[..., [at[a]]] - powers[..., [at[b]]] for a, b in self.ratios]
        features = np.concatenate([powers, *ratios], axis=-1)
        return features.reshape(len(features), -1)

    def _columns(self, features: FloatArray, modality: str | None) -> FloatArray:
        """Append relative features and those of the epochs around.

        Without a modality, each epoch is its own recording.
        """
        alone = modality is None
        if self.normalize is not None:
            relative = (
                features * 0 if modality is None else self._relative(features, modality)
            )
            plain = [features] if self.normalize == "append" else []
            features = np.concatenate([*plain, relative], axis=1)
        epochs, last = np.arange(len(features)), len(features) - 1
        shifts = range(-self.context, self.context + 1)
        rows = [epochs if alone else (epochs + shift).clip(0, last) for shift in shifts]
        return np.concatenate([features[row] for row in rows], axis=1)

    def _relative(self, features: FloatArray, modality: str) -> FloatArray:
        """Subtract the median of the recording, and divide by its robust SD."""
        epochs = np.arange(len(features))
        measured = self._night_statistics.measure(
            modality, features, epochs, (0,), robust=True
        )
        return measured.apply(features, (0,))

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        ndarray of str, shape (n_features,)
            Names such as ``"eeg_0_delta/beta[z][t-1]"``: modality, channel, band or
            ratio, ``[z]`` if relative to the recording, and the shift in epochs.
        """
        check_is_fitted(self)
        names = [name for each in self.n_channels_ for name in self._names(each)]
        return np.array(names, dtype=object)

    def _names(self, modality: str) -> list[str]:
        """Name the columns of a modality."""
        each = [*self._bands(), *("/".join(ratio) for ratio in self.ratios)]
        channels = range(self.n_channels_[modality])
        plain = [f"{modality}_{i}_{name}" for i in channels for name in each]
        kinds = {None: [""], "append": ["", "[z]"], "replace": ["[z]"]}[self.normalize]
        shifts = range(-self.context, self.context + 1)
        neighbours = [f"[t{shift:+d}]" if shift else "" for shift in shifts]
        return [
            f"{name}{kind}{neighbour}"
            for neighbour in neighbours
            for kind in kinds
            for name in plain
        ]


def _count_channels(X: EpochArray) -> dict[str, int]:
    """Count the channels of each modality, computing as few recordings as possible."""
    counts: dict[str, int] = {}
    for recording in X.recordings:
        if set(recording.modalities) - set(counts):
            for name, signal in recording.signals.items():
                counts.setdefault(name, signal.n_channels)
    return {name: counts[name] for name in X.modalities}
