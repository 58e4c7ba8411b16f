"""What a net may look at: epochs by number, of nights or of plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from sleepkit._typing import Array, BoolArray, FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording import EpochArray, Recording

Batch = dict[str, dict[str, Array]]


class Epochs(ABC):
    """Numbered epochs of a few modalities, with what is missing marked as such.

    Attributes
    ----------
    layout : dict of str to tuple of int
        The modalities, and the shape of one epoch of each.
    present : dict of str to ndarray of bool of shape (n_epochs,)
        Where there is anything of a modality: False where it was not recorded, is not
        valid, or is NaN throughout.
    night : ndarray of int of shape (n_epochs,)
        Epochs of one night follow each other, and share its number.
    numbers : ndarray of int of shape (n_rows,)
        Number of the epoch that each row of the user's X shows.

    See Also
    --------
    RowEpochs : Those of plain arrays.
    NightEpochs : Those of nights.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import Epochs, RowEpochs
    >>> epochs: Epochs = RowEpochs({"eeg": np.array([[1.0], [np.nan]])})
    >>> epochs.usable
    array([ True, False])
    """

    layout: dict[str, tuple[int, ...]]
    present: dict[str, BoolArray]
    night: IntArray
    numbers: IntArray

    @property
    def usable(self) -> BoolArray:
        """Where there is anything of at least one modality, shape (n_epochs,)."""
        usable: BoolArray = np.zeros(len(self.night), np.bool_)
        for present in self.present.values():
            usable |= present
        return usable

    @abstractmethod
    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Take some epochs of the modalities that these have; NaN where missing.

        Parameters
        ----------
        numbers : ndarray of int of shape (n,)
            Their numbers.

        Returns
        -------
        dict of str to ndarray of shape (n, ...)
            Their values.
        """

    def batch(self, index: IntArray) -> Batch:
        """Make the input of a net.

        Parameters
        ----------
        index : ndarray of int of shape (batch,) or (batch, seq)
            Numbers of epochs; -1 pads.

        Returns
        -------
        dict
            ``inputs``, float32 of shape ``index.shape + shape``, 0 where there is
            nothing; and ``present``, bool of the shape of ``index``.
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


class RowEpochs(Epochs):
    """The rows of plain arrays: each stands alone.

    Parameters
    ----------
    blocks : mapping of str to ndarray of shape (n_rows, ...)
        The epochs of each modality; NaN throughout means missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.training import RowEpochs
    >>> epochs = RowEpochs({"eeg": np.array([[1.0, np.nan], [np.nan, np.nan]])})
    >>> epochs.batch(np.array([1, 0]))["inputs"]["eeg"]
    array([[0., 0.],
           [1., 0.]], dtype=float32)
    """

    def __init__(self, blocks: Mapping[str, Array]) -> None:
        self._blocks = dict(blocks)
        self.layout = {name: block.shape[1:] for name, block in blocks.items()}
        self.present = {name: _has_values(block) for name, block in blocks.items()}
        self.night = self.numbers = np.arange(len(next(iter(blocks.values()))))

    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Take some rows.

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


class NightEpochs(Epochs):
    """All epochs of the nights behind a view, whether they are rows of it or not.

    Parameters
    ----------
    X : EpochArray
        The rows, with no step pending: see `open_nights`.

    Raises
    ------
    RecordingError
        If a modality's epochs differ in shape, or hold infinite values.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray
    >>> from sleepkit.training import NightEpochs
    >>> X = EpochArray.from_arrays(np.ones((4, 2)), recording=["a", "a", "b", "b"])
    >>> epochs = NightEpochs(X[2:])
    >>> epochs.layout, epochs.numbers.tolist()
    ({'eeg': (2,)}, [0, 1])
    """

    def __init__(self, X: EpochArray) -> None:
        # Every epoch is a row of this one, so that its row numbers number the epochs.
        self._all = EpochArray(X.recordings, include_unscored=True)
        lengths = [recording.n_epochs for recording in X.recordings]
        ends = np.cumsum(lengths, dtype=np.intp)
        self.night = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        self.numbers = np.empty(len(X), np.int32)
        self.layout = {}
        self.present = {n: np.zeros(len(self._all), np.bool_) for n in X.modalities}
        for end, (recording, rows, epochs) in zip(ends, X.by_recording(), strict=True):
            start = end - recording.n_epochs
            self.numbers[rows] = start + epochs
            self._look_at(recording, slice(start, end))

    def _look_at(self, recording: Recording, numbers: slice) -> None:
        """Note the shapes and the gaps of one night."""
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
                    "(see Resampler for rates)."
                )
                raise RecordingError(msg)
            self.present[name][numbers] = _has_values(values)

    def values(self, numbers: IntArray) -> dict[str, FloatArray]:
        """Take some epochs of the modalities that their nights have.

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
def open_nights(
    X: EpochArray, max_ram: float, *, verbose: bool = False
) -> Iterator[NightEpochs]:
    """Compute every night once: into memory, or else into a store that goes away.

    Nights that are all in memory or in files to be mapped stay where they are, however
    many there are.

    Parameters
    ----------
    X : EpochArray
        The rows, lazy or not.
    max_ram : float
        Bytes that computed values may take in memory; the first night and the number of
        epochs tell what they would.
    verbose : bool, default=False
        Whether to show a progress bar, where there is something to compute.

    Yields
    ------
    NightEpochs
        The epochs, for as long as the context is open.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray
    >>> from sleepkit.training import open_nights
    >>> with open_nights(EpochArray.from_arrays(np.ones((4, 2))), 1e9) as epochs:
    ...     epochs.batch(np.array([0]))["inputs"]["eeg"]
    array([[1., 1.]], dtype=float32)
    """
    verbose = verbose and not all(recording.is_computed for recording in X.recordings)
    if all(recording.is_in_memory_or_stored for recording in X.recordings):
        bar = tqdm(X.recordings, "computing", unit="night", disable=not verbose)
        yield NightEpochs(X.with_recordings(recording.compute() for recording in bar))
        return
    first, *others = X.recordings
    first = first.load()
    size = sum(4 * np.prod(signal.shape) for signal in first.signals.values())
    n_epochs = sum(recording.n_epochs for recording in X.recordings)
    X = X.with_recordings([first, *others])
    if size / first.n_epochs * n_epochs <= max_ram:
        yield NightEpochs(X.materialize(verbose=verbose))
        return
    with TemporaryDirectory(prefix="sleepkit-") as folder:
        yield NightEpochs(X.materialize(folder, verbose=verbose))


def _has_values(block: Array) -> BoolArray:
    """Tell which epochs hold anything but NaN."""
    flat = block.reshape(len(block), -1)
    return np.asarray(~np.isnan(flat).all(axis=1))
