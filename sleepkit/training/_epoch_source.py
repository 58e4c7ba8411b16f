"""Input epochs of a net, numbered: of recordings or of plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from tempfile import TemporaryDirectory
from typing import Self

import joblib
import numpy as np

from sleepkit._typing import Array, BoolArray, FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, Recording
from sleepkit.utils import progress_bar

Batch = dict[str, dict[str, Array]]


class EpochSource(ABC):
    """Numbered epochs of a few modalities, with what is missing marked as such.

    Attributes
    ----------
    layout : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    present : dict of str to ndarray of bool of shape (n_epochs,)
        Where a modality has values: False where it was not recorded, is not valid, or
        is NaN throughout.
    night : ndarray of int of shape (n_epochs,)
        Number of each epoch's recording; epochs of one recording follow each other.
    ids : tuple of str
        Ids of the recordings; none of plain arrays.
    row_to_epoch : ndarray of int of shape (n_rows,)
        Number of the epoch behind each row of X.
    epoch_duration : float or None
        Length of an epoch in seconds, where it is known: of recordings.
    needs_all : bool
        Whether an epoch counts as having a signal only where all modalities are
        present, rather than at least one.

    See Also
    --------
    ArraySource : The rows of plain arrays.
    RecordingSource : The epochs of recordings.
    """

    layout: dict[str, tuple[int, ...]]
    present: dict[str, BoolArray]
    night: IntArray
    row_to_epoch: IntArray
    ids: tuple[str, ...] = ()
    epoch_duration: float | None = None
    needs_all: bool = False

    @property
    def has_signal(self) -> BoolArray:
        """Where an epoch has what a net needs, shape (n_epochs,)."""
        combine = np.logical_and if self.needs_all else np.logical_or
        has_signal: BoolArray = combine.reduce(list(self.present.values()))
        return has_signal

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Text that changes with any value."""

    @abstractmethod
    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Return the values of some epochs, of their modalities; NaN where missing.

        Parameters
        ----------
        numbers : ndarray of int of shape (n,)
            Their numbers.

        Returns
        -------
        dict of str to ndarray of shape (n, ...)
            Their values.
        """

    def only(self, modalities: Collection[str], rows: IntArray) -> Self:
        """Return the same epochs with some of the modalities, and some of the rows.

        Nights without any of the rows count as missing, too.

        Parameters
        ----------
        modalities : collection of str
            Modalities that stay; others count as missing.
        rows : ndarray of int of shape (n,)
            Numbers of the rows that stay.

        Returns
        -------
        EpochSource
            The source; it shares all values with this one.
        """
        part = copy(self)
        part.row_to_epoch = self.row_to_epoch[rows]
        nights = np.isin(self.night, self.night[part.row_to_epoch])
        part.present = {
            name: there & nights & (name in modalities)
            for name, there in self.present.items()
        }
        return part

    def whole_nights(self) -> Self:
        """Return the same epochs, each of them a row.

        Nights without any of the rows count as missing.

        Returns
        -------
        EpochSource
            The source; it shares all values with this one.
        """
        whole = self.only(self.layout, np.arange(len(self.row_to_epoch)))
        whole.row_to_epoch = np.arange(len(self.night))
        return whole

    def without(self, hidden: Mapping[int, Collection[str]]) -> Self:
        """Return the same epochs without some modalities of some nights.

        They stay where an epoch has no other.

        Parameters
        ----------
        hidden : mapping of int to collection of str
            Modalities by the number of the night.

        Returns
        -------
        EpochSource
            The source; it shares all values with this one.
        """
        part = copy(self)
        part.present = {name: there.copy() for name, there in self.present.items()}
        for number, names in hidden.items():
            kept = [there for name, there in self.present.items() if name not in names]
            others = np.logical_or.reduce(kept) & (self.night == number)
            for name in names:
                part.present[name] &= ~others
        return part

    def batch(self, index: IntArray) -> Batch:
        """Make the input of a net.

        Parameters
        ----------
        index : ndarray of int of shape (batch,) or (batch, seq)
            Numbers of epochs; -1 pads.

        Returns
        -------
        dict
            ``inputs``, float32 of shape ``index.shape + shape``, 0 where values are
            missing; and ``present``, bool of the shape of ``index``.
        """
        real = index >= 0
        found = self.values(index[real])
        batch: Batch = {"inputs": {}, "present": {}}
        for name, shape in self.layout.items():
            inputs = np.zeros((*index.shape, *shape), np.float32)
            if name in found:
                inputs[real] = found[name]
                inputs[np.isnan(inputs)] = 0
            batch["inputs"][name] = inputs
            batch["present"][name] = real & self.present[name][index]
        return batch


class ArraySource(EpochSource):
    """Rows of plain arrays, each on its own.

    Parameters
    ----------
    blocks : mapping of str to ndarray of shape (n_rows, ...)
        The epochs of each modality; NaN throughout means missing.
    needs_all : bool, default=False
        Whether an epoch counts as having a signal only where all modalities are
        present, rather than at least one.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import ArraySource
    >>> source = ArraySource({"eeg": np.array([[1.0, np.nan], [np.nan, np.nan]])})
    >>> source.batch(np.array([1, 0]))["inputs"]["eeg"]
    array([[0., 0.],
           [1., 0.]], dtype=float32)
    """

    def __init__(self, blocks: Mapping[str, Array], *, needs_all: bool = False) -> None:
        self.needs_all = needs_all
        self._blocks = dict(blocks)
        self.layout = {name: block.shape[1:] for name, block in blocks.items()}
        self.present = {name: _has_values(block) for name, block in blocks.items()}
        self.night = self.row_to_epoch = np.arange(len(next(iter(blocks.values()))))

    @property
    def fingerprint(self) -> str:
        """Text that changes with any value."""
        return str(joblib.hash(self._blocks))

    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Return the values of some rows.

        Parameters
        ----------
        numbers : ndarray of int of shape (n,)
            Their numbers.

        Returns
        -------
        dict of str to ndarray of shape (n, ...)
            Their values.
        """
        return {name: block[numbers] for name, block in self._blocks.items()}


class RecordingSource(EpochSource):
    """All epochs of the recordings of an `EpochArray`, whether they are rows or not.

    Parameters
    ----------
    X : EpochArray
        The rows, with no step pending: see `open_recordings`.
    needs_all : bool, default=False
        Whether an epoch counts as having a signal only where all modalities are
        present, rather than at least one.

    Raises
    ------
    RecordingError
        If a modality's epochs differ in shape, or hold infinite values.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray
    >>> from sleepkit.training import RecordingSource
    >>> X = EpochArray.from_arrays(np.ones((4, 2)), recording=["a", "a", "b", "b"])
    >>> source = RecordingSource(X[2:])
    >>> source.layout, source.row_to_epoch.tolist()
    ({'eeg': (2,)}, [0, 1])
    """

    def __init__(self, X: EpochArray, *, needs_all: bool = False) -> None:
        self.needs_all = needs_all
        # Every epoch is a row of this one, so that its row numbers number the epochs.
        self._all = EpochArray(X.recordings, include_unscored=True)
        self.ids = tuple(recording.id for recording in X.recordings)
        lengths = [recording.n_epochs for recording in X.recordings]
        ends = np.cumsum(lengths, dtype=np.intp)
        self.night = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        self.row_to_epoch = np.empty(len(X), np.int32)
        self.epoch_duration = X.recordings[0].epoch_duration
        self.layout = {}
        self.present = {n: np.zeros(len(self._all), np.bool_) for n in X.modalities}
        for end, (recording, rows, epochs) in zip(ends, X.by_recording(), strict=True):
            start = end - recording.n_epochs
            self.row_to_epoch[rows] = start + epochs
            self._add(recording, slice(start, end))

    def _add(self, recording: Recording, numbers: slice) -> None:
        """Record the shapes and gaps of one recording."""
        night = EpochArray([recording], include_unscored=True)
        for name in night.modalities:
            values = night.epochs(name)
            shape = self.layout.setdefault(name, values.shape[1:])
            if shape != values.shape[1:] or np.isinf(values).any():
                wrong = "infinite values"
                if shape != values.shape[1:]:
                    wrong = f"shape {values.shape[1:]}"
                msg = (
                    f"The {name!r} epochs of recording {recording.id!r} have "
                    f"{wrong}; a net needs finite ones of one shape, here {shape} "
                    "(see Resampler for rates, FixedChannels for channels)."
                )
                raise RecordingError(msg)
            self.present[name][numbers] = _has_values(values)

    @property
    def fingerprint(self) -> str:
        """Text that changes with any value."""
        nights = [recording.fingerprint for recording in self._all.recordings]
        return str(joblib.hash(nights))

    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Return the values of some epochs, of the modalities of their recordings.

        Parameters
        ----------
        numbers : ndarray of int of shape (n,)
            Their numbers.

        Returns
        -------
        dict of str to ndarray of shape (n, ...)
            Their values.
        """
        chosen = self._all[numbers]
        return {name: chosen.epochs(name) for name in chosen.modalities}


@contextmanager
def open_recordings(
    X: EpochArray, max_ram: float, *, needs_all: bool = False, verbose: bool = False
) -> Iterator[RecordingSource]:
    """Compute every recording once: in memory, or else in a temporary store.

    Recordings that are all in memory or in mapped files stay where they are, however
    many there are.

    Parameters
    ----------
    X : EpochArray
        The rows, lazy or not.
    max_ram : float
        Bytes that computed values may take in memory, estimated from the first
        recording and the number of epochs.
    needs_all : bool, default=False
        Whether an epoch counts as having a signal only where all modalities are
        present, rather than at least one.
    verbose : bool, default=False
        Whether to show a progress bar, where there is something to compute.

    Yields
    ------
    RecordingSource
        The epochs, for as long as the context is open.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray
    >>> from sleepkit.training._epoch_source import open_recordings
    >>> with open_recordings(EpochArray.from_arrays(np.ones((4, 2))), 1e9) as source:
    ...     source.batch(np.array([0]))["inputs"]["eeg"]
    array([[1., 1.]], dtype=float32)
    """
    verbose = verbose and not all(recording.is_computed for recording in X.recordings)
    if all(recording.is_in_memory_or_stored for recording in X.recordings):
        bar = progress_bar(X.recordings, "computing", unit="night", verbose=verbose)
        X = X.with_recordings(recording.compute() for recording in bar)
        yield RecordingSource(X, needs_all=needs_all)
        return
    first, *others = X.recordings
    first = first.load()
    size = sum(4 * np.prod(signal.shape) for signal in first.signals.values())
    n_epochs = sum(recording.n_epochs for recording in X.recordings)
    X = X.with_recordings([first, *others])
    if size / first.n_epochs * n_epochs <= max_ram:
        yield RecordingSource(X.materialize(verbose=verbose), needs_all=needs_all)
        return
    with TemporaryDirectory(prefix="sleepkit-") as folder:
        X = X.materialize(folder, verbose=verbose)
        yield RecordingSource(X, needs_all=needs_all)


def _has_values(block: Array) -> BoolArray:
    """Where an epoch holds any value but NaN."""
    flat = block.reshape(len(block), -1)
    return np.asarray(~np.isnan(flat).all(axis=1))
