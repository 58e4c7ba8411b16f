"""Band powers and their ratios: a flat table for any classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sleepkit._typing import Array, FloatArray
from sleepkit.preprocessing._band_features import NORMALIZE, OWNER, BandFeatures
from sleepkit.preprocessing._base import SignalTransformer
from sleepkit.recording import EpochArray
from sleepkit.signal import BANDS
from sleepkit.utils import check_count, check_option, check_positive

_RATIOS: Final = (
    ("delta", "theta"),
    ("delta", "sigma"),
    ("delta", "beta"),
    ("alpha", "theta"),
)


class BandPower(SignalTransformer):
    """Describe each epoch by the logarithms of its band powers and of their ratios.

    The result is a table that any classifier of scikit-learn takes; one that takes NaN,
    such as :class:`~sklearn.ensemble.HistGradientBoostingClassifier`, needs no
    imputation. `FitOnSelected` around the classifier makes it respect training masks,
    and fills the columns that no training row knows, such as the gamma power of nights
    at 50 Hz, on which some classifiers fail.

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
        the median, over the interquartile range in units of the normal SD. People and
        amplifiers differ more than stages do, so this helps with new subjects.
    context : int, default=0
        How many epochs before and after lend their features to an epoch. They come from
        the recording, whether or not they are rows of X; at its ends the last epoch is
        repeated.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays; None calls all of them ``"eeg"``.

    Attributes
    ----------
    n_channels_ : dict of str to int
        Number of channels of each modality seen in `fit`.

    See Also
    --------
    FitOnSelected : Any classifier, fitted on the rows that are for training.
    STFTEpocher : Spectra for nets.
    sleepkit.signal.band_powers : The function behind it.

    Notes
    -----
    The columns are decided in `fit`: a modality that a recording lacks is NaN there,
    and one that `fit` did not see has no column. Bands above `Signal.bandwidth`, epochs
    marked as invalid and epochs of nothing but gaps are NaN.

    In plain arrays every row stands alone: it is its own recording and context.

    The table of nights is computed whenever somebody makes an array of it, which a
    scikit-learn step may do several times: a `Cache` behind this one saves that.

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
            channels = self._channels(X.shape[1] if X.ndim > 2 else 1)
            self.n_channels_ = {name: len(where) for name, where in channels.items()}
        super()._fit(X, y)

    def _step(self) -> BandFeatures:
        """Check the parameters."""
        bands = BANDS if self.bands is None else self.bands
        unknown = {name for pair in self.ratios for name in pair} - set(bands)
        if unknown:
            msg = (
                f"The 'ratios' parameter of {OWNER} must be pairs of the bands "
                f"{tuple(bands)}. Got {sorted(unknown)} instead."
            )
            raise ValueError(msg)
        return BandFeatures(
            tuple(self.n_channels_.items()),
            tuple((name, (low, high)) for name, (low, high) in bands.items()),
            tuple((above, below) for above, below in self.ratios),
            check_positive("window", self.window, owner=OWNER),
            check_option("normalize", self.normalize, NORMALIZE, owner=OWNER),
            check_count("context", self.context, owner=OWNER, minimum=0),
        )

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Put the features of all modalities side by side, in the order of `fit`."""
        step, sfreq = self._step(), self._array_sfreq()
        epochs = X if X.ndim > 2 else X[:, np.newaxis]
        parts = [
            step.values(name, epochs[:, where], sfreq)
            for name, where in self._channels(epochs.shape[1]).items()
        ]
        return np.concatenate(parts, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the columns.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        ndarray of str, shape (n_features,)
            Names such as ``"eeg_0_delta/beta[z][t-1]"``: modality, channel, band or
            ratio, ``[z]`` for what is relative to the recording, and the neighbour.
        """
        check_is_fitted(self)
        step = self._step()
        names = [name for modality in self.n_channels_ for name in step.names(modality)]
        return np.array(names, dtype=object)


def _count_channels(X: EpochArray) -> dict[str, int]:
    """Count the channels of each modality, computing as few recordings as possible."""
    counts: dict[str, int] = {}
    for recording in X.recordings:
        if set(recording.modalities) - set(counts):
            for name, signal in recording.signals.items():
                counts.setdefault(name, signal.n_channels)
    return {name: counts[name] for name in X.modalities}
