"""One modality of one night."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import joblib
import numpy as np
from numpy.typing import NDArray

from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._lazy_array import LazyArray, MappedArray
from sleepkit.utils import check_positive

_SPECTRUM_NDIM = 4
_EPOCHED_NDIMS = (2, _SPECTRUM_NDIM)
_T = TypeVar("_T", bound=np.generic)
Layout: TypeAlias = Mapping[str, int | None]
"""Modalities, each with its number of features (None: samples, spectra, unknown)."""
_HALF_SAMPLE = 0.5 + 1e-3  # and what float arithmetic adds to it


class Signal:
    """The channels of one modality, as samples or as one feature array an epoch.

    A signal with an ``sfreq`` is **continuous**, one without is **epoched**.

    Parameters
    ----------
    data : array-like or LazyArray
        Continuous: microvolts, shape (n_channels, n_times) or (n_times,). Epoched:
        shape (n_epochs, n_channels, n_frames, n_bins) or (n_epochs, n_features).
        Kept as float32; NaN is missing. An array that is float32 already is shared, not
        copied: do not change it afterwards. A lazy array is read at each access to
        `data`.
    sfreq : float, default=None
        Sampling rate in hertz of a continuous signal; None means epoched.
    ch_names : sequence of str, default=()
        Names of the channels (of the features, for a 2-D epoched signal). Left out,
        they are numbered.
    bandwidth : float, default=None
        Frequency in hertz above which there is no true content, such as the Nyquist
        frequency before resampling upwards. None, or more, means ``sfreq / 2``.
    freqs : array-like of shape (n_bins,), default=None
        Frequencies in hertz of the bins of a spectrum.
    valid : array-like of bool of shape (n_epochs,), default=None
        Which epochs have usable signal; None means all.
    provenance : sequence of str, default=()
        Notes on processing that no parameter shows, such as a filter left out.

    Attributes
    ----------
    sfreq : float or None
        Sampling rate in hertz, None when epoched.
    ch_names : tuple of str
        Names of the channels.
    bandwidth : float or None
        Frequency in hertz above which there is no true content.
    freqs : ndarray of shape (n_bins,) or None
        Frequencies of the bins in hertz.
    valid : ndarray of bool of shape (n_epochs,) or None
        Which epochs have usable signal; None means all.
    provenance : tuple of str
        Notes on processing that no parameter shows.

    Raises
    ------
    RecordingError
        If the parts do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import Signal
    >>> Signal(np.zeros((2, 6000)), 100, ["C3-M2", "C4-M1"])
    Signal(2 x 6000 samples at 100 Hz: C3-M2, C4-M1)
    >>> Signal(np.zeros((120, 1, 29, 128))).is_continuous
    False
    """

    __slots__ = (
        "_data",
        "_fingerprint",
        "bandwidth",
        "ch_names",
        "freqs",
        "provenance",
        "sfreq",
        "valid",
    )

    def __init__(
        self,
        data: Any,
        sfreq: float | None = None,
        ch_names: Iterable[str] = (),
        *,
        bandwidth: float | None = None,
        freqs: Any = None,
        valid: Any = None,
        provenance: Iterable[str] = (),
    ) -> None:
        self.sfreq = (
            None if sfreq is None else check_positive("sfreq", sfreq, owner="Signal")
        )
        self._data = _as_data(data, continuous=sfreq is not None)
        self.ch_names = _as_names(
            ch_names, self._data.shape[0 if sfreq is not None else 1]
        )
        self.bandwidth = _as_bandwidth(bandwidth, self.sfreq)
        self.freqs = None if freqs is None else _as_flat("freqs", freqs, np.float64)
        self.valid = None if valid is None else _as_flat("valid", valid, np.bool_)
        self.provenance = _as_texts("provenance", provenance)
        self._fingerprint: str | None = None
        self._check()

    def _check(self) -> None:
        """Refuse a mask or bins that do not fit the data."""
        if self.valid is not None and not self.is_continuous:
            _check_length("valid", len(self.valid), "epochs", self.shape[0])
        if self.freqs is not None:
            if len(self.shape) != _SPECTRUM_NDIM:
                msg = f"Only spectra have freqs; the data have shape {self.shape}."
                raise RecordingError(msg)
            _check_length("freqs", len(self.freqs), "bins", self.shape[-1])

    @property
    def data(self) -> FloatArray:
        """The values, read-only float32; read from their file at each call."""
        return _read_only(np.asarray(self._data, np.float32))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `data`, known without reading it."""
        return tuple(self._data.shape)

    @property
    def is_continuous(self) -> bool:
        """Whether the signal is made of samples (and not of one array an epoch)."""
        return self.sfreq is not None

    @property
    def is_loaded(self) -> bool:
        """Whether the values are in memory."""
        return isinstance(self._data, np.ndarray)

    @property
    def is_mapped(self) -> bool:
        """Whether the values are in a file, of which `take` reads what it returns."""
        return isinstance(self._data, MappedArray)

    @property
    def n_channels(self) -> int:
        """Number of channels (of features, for a 2-D epoched signal)."""
        return len(self.ch_names)

    @property
    def n_features(self) -> int | None:
        """Number of features of a 2-D epoched signal, None for any other."""
        return None if self.is_continuous or len(self.shape) != 2 else self.shape[1]

    @property
    def fingerprint(self) -> str:
        """Text that changes whenever the content does."""
        if self._fingerprint is None:
            # Flat, because joblib's hash depends on strides, which a pickle may change.
            values = np.ravel(self._data) if self.is_loaded else self._data.fingerprint
            parts = (values, self.shape, self._attributes())
            self._fingerprint = str(joblib.hash(parts, hash_name="sha1"))
        return self._fingerprint

    def n_epochs(self, epoch_duration: float) -> int:
        """Count the whole epochs.

        Parameters
        ----------
        epoch_duration : float
            Length of an epoch in seconds.

        Returns
        -------
        int
            Number of whole epochs.
        """
        if self.sfreq is None:
            return self.shape[0]
        # At an odd rate epoch i ends at the sample nearest to i * epoch_duration.
        return int((self.shape[1] + _HALF_SAMPLE) / (self.sfreq * epoch_duration))

    def replace(self, **changes: Any) -> Signal:
        """Copy of the signal with some parameters changed.

        Parameters
        ----------
        **changes : object
            New values for parameters of `Signal`.

        Returns
        -------
        Signal
            The changed copy; other parameters, and their arrays, are shared.
        """
        return Signal(**{"data": self._data, **self._attributes(), **changes})

    def take(self, indices: IntArray, axis: int) -> FloatArray:
        """Copy some of the values; of a mapped file, only these are read.

        Parameters
        ----------
        indices : ndarray of int
            Places on the axis, of any shape; those outside take the nearest one.
        axis : int
            The axis.

        Returns
        -------
        ndarray of float32
            The values; the shape of `indices` stands in place of the axis.

        Examples
        --------
        >>> import numpy as np
        >>> from sleepkit.recording import Signal
        >>> Signal([[0.0, 1.0, 4.0, 9.0]], 100).take(np.array([2, 3, 4]), axis=1)
        array([[4., 9., 9.]], dtype=float32)
        """
        # Taken first and converted then: a file may hold other numbers than float32.
        if isinstance(self._data, MappedArray):
            taken = self._data.take(indices, axis)
        else:
            taken = np.asarray(self._data).take(indices, axis=axis, mode="clip")
        return taken.astype(np.float32, copy=False)

    def load(self) -> Signal:
        """Signal with its values in memory.

        Returns
        -------
        Signal
            The signal itself where its values are in memory already.
        """
        return self if self.is_loaded else self.replace(data=np.array(self.data))

    def _attributes(self) -> dict[str, Any]:
        """All parameters but the data."""
        names = ("sfreq", "ch_names", "bandwidth", "freqs", "valid", "provenance")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts; a fingerprint in memory must not change the pickle."""
        return _rebuild, ({"data": self._data, **self._attributes()},)

    def __repr__(self) -> str:
        """Show kind, size and channels."""
        if self.is_continuous:
            names = ", ".join(self.ch_names)
            size = f"{self.shape[0]} x {self.shape[1]} samples"
            return f"Signal({size} at {self.sfreq:g} Hz: {names})"
        return f"Signal(epoched {' x '.join(map(str, self.shape))})"


def _as_data(data: Any, *, continuous: bool) -> Any:
    """Check the number of axes, and convert to float32."""
    if not isinstance(data, LazyArray):
        data = _read_only(_as_float32(data))
        if continuous and data.ndim == 1:
            data = data[np.newaxis]
    expected = (2,) if continuous else _EPOCHED_NDIMS
    if len(data.shape) not in expected or 0 in data.shape:
        kind = (
            "A continuous signal has shape (n_channels, n_times)"
            if continuous
            else "An epoched signal (no sfreq) has shape (n_epochs, n_channels, "
            "n_frames, n_bins) or (n_epochs, n_features)"
        )
        msg = f"{kind}, with no empty axis; got {tuple(data.shape)}."
        raise RecordingError(msg)
    return data


def _as_float32(data: Any) -> FloatArray:
    """Convert real numbers to float32."""
    values: Array = np.asarray(data)
    if values.dtype.kind not in "fiub":
        msg = f"A signal needs real numbers; got values of type {values.dtype}."
        raise RecordingError(msg)
    return values.astype(np.float32, copy=False)


def _as_texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Make a tuple of texts; a single text would become its letters."""
    if isinstance(values, str):
        msg = f"{name} must be a sequence of texts; got the text {values!r}."
        raise RecordingError(msg)
    return tuple(map(str, values))


def _as_names(ch_names: Iterable[str], n_channels: int) -> tuple[str, ...]:
    """Check the channel names, or number the channels."""
    names = _as_texts("ch_names", ch_names) or tuple(map(str, range(n_channels)))
    _check_length("ch_names", len(names), "channels", n_channels)
    return names


def _as_flat(name: str, values: Any, dtype: type[_T]) -> NDArray[_T]:
    """Copy a short flat array, read-only."""
    flat = np.array(values, dtype)
    if flat.ndim != 1:
        msg = f"{name} must be a flat array; got shape {flat.shape}."
        raise RecordingError(msg)
    return _read_only(flat)


def _check_length(name: str, length: int, axis: str, expected: int) -> None:
    """Require one value for each entry of an axis."""
    if length != expected:
        msg = f"{name} has length {length}, but the signal has {expected} {axis}."
        raise RecordingError(msg)


def _read_only(values: NDArray[_T]) -> NDArray[_T]:
    """Read-only view of an array, without a copy."""
    view = values.view()
    view.flags.writeable = False
    return view


def _as_bandwidth(bandwidth: float | None, sfreq: float | None) -> float | None:
    """Check a bandwidth; samples hold nothing above half their rate."""
    nyquist = math.inf if sfreq is None else sfreq / 2
    if bandwidth is not None:
        return min(check_positive("bandwidth", bandwidth, owner="Signal"), nyquist)
    return None if sfreq is None else nyquist


def _rebuild(parts: dict[str, Any]) -> Signal:
    """Make a signal from its pickled parts."""
    return Signal(**parts)
