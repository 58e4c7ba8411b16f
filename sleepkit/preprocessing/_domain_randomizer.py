"""Domain randomisation: training recordings as other laboratories record them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from numbers import Real
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sleepkit._typing import FloatArray, RandomState
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing._base import SignalTransformer
from sleepkit.recording import (
    EpochArray,
    Recording,
    Signal,
    as_epoch_array,
    is_epoch_like,
)
from sleepkit.signal import Acquisition, acquire_signal, acquire_spectra
from sleepkit.utils import draw_seed

Range: TypeAlias = tuple[float, float] | None
_IN_HERTZ: Final = ("highpass", "lowpass")
_IN_DECIBELS: Final = ("gain", "tilt", "snr", "mains")
_MAINS_FREQS: Final = (50.0, 60.0)
_ONE_OVER_F: Final = -10 * math.log10(2)  # decibels per octave


class DomainRandomizer(SignalTransformer):
    """Randomisation of gain, tilt, band limits and noise, for training only.

    `fit_transform` changes each recording as if it came from another laboratory, so
    that what is trained depends less on the equipment of one; `transform` changes
    nothing. Stages, rows, missing and invalid epochs stay as they are.

    Each range is a pair (low, high) of which a value is drawn, evenly (in octaves for
    hertz); a pair of equal numbers fixes the value, and None leaves the change out.

    Parameters
    ----------
    gain : tuple of float or None, default=(-6.0, 6.0)
        Decibels, for each channel.
    tilt : tuple of float or None, default=(-1.5, 1.5)
        Decibels per octave about 4 Hz, for each modality.
    highpass : tuple of float or None, default=(0.1, 0.6)
        Hertz of an amplifier's high-pass, for each modality.
    lowpass : tuple of float or None, default=(25.0, 70.0)
        Hertz of an amplifier's low-pass, for each modality.
    snr : tuple of float or None, default=(10.0, 40.0)
        Decibels by which a channel is stronger than the noise that is added to it. The
        noise of a modality has a random colour from white to 1/f.
    mains : tuple of float or None, default=None
        Decibels by which a channel is stronger than the mains line that is added to it,
        at 50 or 60 Hz for each recording. Spectra get none.
    flip : bool, default=False
        Whether half of the channels change their polarity.
    only : sequence of str or None, default=None
        The modalities that are changed; None means all. For other ranges in other
        modalities, chain two of these.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        What `fit` draws `seed_` from. An int gives the same changes at every fit; with
        None they are new, and a `Cache` behind them stores the recordings once more.
    sfreq : float, default=None
        Sampling rate of plain arrays in hertz.
    modalities : mapping of str to sequence of int, default=None
        Channels of each modality in plain arrays, such as ``{"eeg": [0, 1], "eog":
        [2]}``; None calls all of them ``"eeg"``. Channels left out pass unchanged.

    Attributes
    ----------
    seed_ : int
        What all values follow from, together with the id of a recording, the modality
        and the number of the channel. Other recordings, rows, modalities, channels and
        ranges of other changes leave them as they are.

    See Also
    --------
    sleepkit.signal.Acquisition : The changes of one channel.
    sleepkit.training.ModalityDropout : Leaves out whole modalities in training.

    Notes
    -----
    It takes continuous signals, and spectra of `STFTEpocher`, with the same values for
    both. Spectra are faster: behind a `Cache` of them, another seed needs no new
    spectra. `SpectrumScaler` with ``per="recording"`` removes gain, tilt and band
    limits again, of training and test nights alike, so that only noise is left of
    them. Nights that a classifier sets aside to validate on are training recordings,
    and are changed too.

    One `fit` sees one version of each recording. For several, either train in passes,
    ``net.partial_fit(DomainRandomizer(random_state=k).fit_transform(X), y)`` with a new
    ``k`` each time, or train on copies of the recordings under other ids: ``copies =
    EpochArray(r.replace(id=f"{r.id}/{k}") for r in X.recordings for k in range(4))``
    with ``copies.hypnogram`` and ``copies.subject`` as stages and groups. Copies share
    the signals of a recording that is in memory or materialized.

    Rows of plain arrays belong to no recording; each is changed by itself, by its
    number. Plain arrays are signals, since the frequencies of spectra are not known.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.preprocessing import DomainRandomizer
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.random.default_rng(0).normal(0, 20, (1, 6000)), 100)
    >>> night = Recording(id="n", subject="s", signals={"eeg": eeg})
    >>> randomizer = DomainRandomizer(gain=(6.0, 6.0), random_state=0)
    >>> changed = randomizer.fit_transform(night)
    >>> [drawn.gain for drawn in randomizer.draw(night)["eeg"]]
    [6.0]
    >>> same = randomizer.transform(night)
    >>> np.array_equal(same.epochs("eeg"), EpochArray([night]).epochs("eeg"))
    True
    """

    _fitted_state: ClassVar[tuple[str, ...]] = ("seed_",)

    def __init__(
        self,
        *,
        gain: Range = (-6.0, 6.0),
        tilt: Range = (-1.5, 1.5),
        highpass: Range = (0.1, 0.6),
        lowpass: Range = (25.0, 70.0),
        snr: Range = (10.0, 40.0),
        mains: Range = None,
        flip: bool = False,
        only: Sequence[str] | None = None,
        random_state: RandomState = None,
        sfreq: float | None = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.gain = gain
        self.tilt = tilt
        self.highpass = highpass
        self.lowpass = lowpass
        self.snr = snr
        self.mains = mains
        self.flip = flip
        self.only = only
        self.random_state = random_state
        self.sfreq = sfreq
        self.modalities = modalities

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Draw a seed, and change training recordings.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            Training recordings, or epochs of shape (n_epochs, n_times) or (n_epochs,
            n_channels, n_times).
        y : object, default=None
            Ignored.

        Returns
        -------
        EpochArray or ndarray
            The changed recordings, computed when they are read, or the changed array.
        """
        self.fit(X, y)
        if is_epoch_like(X):
            return super()._transform_nights(as_epoch_array(X))
        return super()._transform_array(self._check_array(X, reset=False))

    def draw(self, recording: Recording) -> dict[str, list[Acquisition]]:
        """Draw the changes of a recording, after `fit`.

        Parameters
        ----------
        recording : Recording
            A recording.

        Returns
        -------
        dict of str to list of Acquisition
            For each modality that is changed, one for each channel.
        """
        check_is_fitted(self, "seed_")
        return {
            name: [
                self._draw(recording.id, name, channel)
                for channel in range(signal.n_channels)
            ]
            for name, signal in recording.signals.items()
            if self.only is None or name in self.only
        }

    def _check_parameters(self) -> None:
        """Check the ranges."""
        for name in (*_IN_DECIBELS, *_IN_HERTZ):
            _check_range(name, getattr(self, name), positive=name in _IN_HERTZ)

    def _fit(self, X: EpochArray | FloatArray, y: Any) -> None:
        """Draw the seed; refuse an ``only`` that names no modality of X."""
        super()._fit(X, y)
        known = X.modalities if isinstance(X, EpochArray) else [*self._channels(X)]
        if self.only is not None and not set(self.only) & set(known):
            msg = (
                "The 'only' parameter of DomainRandomizer must name one of the "
                f"modalities {tuple(known)}. Got {self.only!r} instead."
            )
            raise ValueError(msg)
        self.seed_ = draw_seed(self.random_state)

    def _transform_nights(self, X: EpochArray) -> EpochArray:
        """Return recordings that are not trained on as they are."""
        return X

    def _transform_array(self, X: FloatArray) -> FloatArray:
        """Return an array that is not trained on as it is."""
        return X

    def _transform_recording(self, recording: Recording) -> Recording:
        """Change the channels of each modality."""
        changed = dict(recording.signals)
        for name, drawn in self.draw(recording).items():
            changed[name] = _acquire(changed[name], drawn, name, recording)
        return recording.with_signals(changed)

    def _transform_samples(
        self, data: FloatArray, sfreq: float, modality: str
    ) -> FloatArray:
        """Change each row of a plain array by itself."""
        if self.only is not None and modality not in self.only:
            return data
        changed = np.array(data[:, np.newaxis] if data.ndim == 2 else data)
        for row, channel in np.ndindex(changed.shape[:2]):
            drawn = self._draw(str(row), modality, channel)
            changed[row, channel] = acquire_signal(changed[row, channel], sfreq, drawn)
        return changed.reshape(data.shape)

    def _draw(self, recording: str, modality: str, channel: int) -> Acquisition:
        """Draw the changes of one channel, of which a modality shares some."""
        each = _generator(self.seed_, recording, modality, channel)
        shared = _generator(self.seed_, recording, modality)
        # Every number is drawn, used or not: one change does not move the others.
        gain, snr, mains, polarity = each.random(4).tolist()
        tilt, highpass, lowpass, colour = shared.random(4).tolist()
        return Acquisition(
            gain=_between(self.gain, gain) or 0.0,
            tilt=_between(self.tilt, tilt) or 0.0,
            highpass=_between(self.highpass, highpass, octaves=True),
            lowpass=_between(self.lowpass, lowpass, octaves=True),
            snr=_between(self.snr, snr),
            noise_tilt=_ONE_OVER_F * colour,
            mains=_between(self.mains, mains),
            mains_freq=float(_generator(self.seed_, recording).choice(_MAINS_FREQS)),
            flipped=bool(self.flip and polarity < 0.5),
            seed=int(each.integers(2**63)),
        )

    def __sklearn_tags__(self) -> Tags:
        """Declare that `fit_transform` is not `transform`, by the nearest tag."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


def _acquire(
    signal: Signal, drawn: list[Acquisition], name: str, recording: Recording
) -> Signal:
    """Change each channel of samples or spectra."""
    changed = np.array(signal.data)
    if signal.is_continuous:
        for channel, each in enumerate(drawn):
            changed[channel] = acquire_signal(changed[channel], signal.sfreq or 0, each)
    elif signal.freqs is not None:
        for channel, each in enumerate(drawn):
            spectra = changed[:, channel]
            changed[:, channel] = acquire_spectra(spectra, signal.freqs, each)
    else:
        msg = (
            "DomainRandomizer needs continuous signals, or spectra whose frequencies "
            f"are known, but {name!r} of recording {recording.id!r} has features or "
            f"no 'freqs' (shape {signal.shape}); put it before the transformer that "
            "computes features."
        )
        raise RecordingError(msg)
    return signal.replace(data=changed)


def _generator(*key: object) -> np.random.Generator:
    """Make a generator that follows from a key."""
    digest = sha256(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _between(bounds: Range, share: float, *, octaves: bool = False) -> float | None:
    """Value at a share of the way from low to high; None without a range."""
    if bounds is None:
        return None
    low, high = map(float, bounds)
    return low * (high / low) ** share if octaves else low + (high - low) * share


def _check_range(name: str, value: Any, *, positive: bool) -> None:
    """Require a pair of finite numbers in order, or None."""
    if value is None:
        return
    pair = isinstance(value, Sequence) and not isinstance(value, str) and [*value]
    if (
        pair
        and len(pair) == 2
        and all(isinstance(v, Real) and not isinstance(v, bool) for v in pair)
        and all(map(math.isfinite, pair))
        and pair[0] <= pair[1]
        and (pair[0] > 0 or not positive)
    ):
        return
    rule = "positive finite numbers" if positive else "finite numbers"
    msg = (
        f"The {name!r} parameter of DomainRandomizer must be a pair (low, high) of "
        f"{rule} in order, or None. Got {value!r} instead."
    )
    raise ValueError(msg)
