"""`EpochArray`, the X of estimators: rows are epochs of whole recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, BoolArray, FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._dense import gather, join
from sleepkit.recording._from_arrays import recordings_from_arrays
from sleepkit.recording._indexing import as_rows, rows_of_each
from sleepkit.recording._recording import Recording, materialize
from sleepkit.recording._signal import Layout
from sleepkit.recording._step import Step


class EpochArray:
    """Ordered view of epochs over whole recordings, indexed by scikit-learn.

    Each row is one epoch, so ``y``, ``groups`` and predictions are flat arrays. Rows
    may be in any order and repeat; ``X[rows]`` copies no signal. The other epochs of a
    recording remain available as unlabelled context.

    Parameters
    ----------
    recordings : iterable of Recording
        The nights; each needs an id of its own.
    include_unscored : bool, default=False
        Whether epochs without a stage become rows. A recording without a hypnogram
        always gives all of its epochs.

    Attributes
    ----------
    recordings : tuple of Recording
        The nights that have rows.
    epoch : ndarray of int of shape (n_rows,)
        Number of each row's epoch in its recording.
    train_mask : ndarray of bool of shape (n_rows,)
        Which rows count in training (see ``EdgeTrimmer``).

    Raises
    ------
    RecordingError
        If two recordings share an id, or their epochs differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import EpochArray, Recording, Signal
    >>> eeg = Signal(np.zeros((1, 9000)), 100, ["C4-M1"])
    >>> parts = {"id": "n1", "subject": "s1", "signals": {"eeg": eeg}}
    >>> X = EpochArray([Recording(**parts, hypnogram=[0, -1, 2])])
    >>> X
    EpochArray(2 epochs of 1 recording: eeg)
    >>> X.epoch.tolist(), X.hypnogram.tolist(), X.subject.tolist()
    ([0, 2], [0, 2], ['s1', 's1'])
    >>> np.asarray(X[::-1]).shape
    (2, 1, 3000)
    """

    __slots__ = ("_recording_index", "epoch", "recordings", "train_mask")

    recordings: tuple[Recording, ...]
    epoch: IntArray
    train_mask: BoolArray
    _recording_index: IntArray

    def __init__(
        self, recordings: Iterable[Recording], *, include_unscored: bool = False
    ) -> None:
        checked = _check_recordings(recordings)
        rows = [
            np.arange(recording.n_epochs)
            if recording.hypnogram is None or include_unscored
            else np.flatnonzero(recording.hypnogram != UNSCORED)
            for recording in checked
        ]
        counts = [len(epochs) for epochs in rows]
        index = np.repeat(np.arange(len(counts)), counts)
        epoch = np.concatenate([np.empty(0, np.intp), *rows])
        self._set(checked, index, epoch, np.ones(len(epoch), np.bool_))

    @classmethod
    def from_arrays(
        cls,
        X: Any,
        *,
        recording: Any = None,
        epoch: Any = None,
        subject: Any = None,
        modalities: Mapping[str, Sequence[int]] | None = None,
        sfreq: float | Mapping[str, float] | None = None,
    ) -> EpochArray:
        """Make recordings out of arrays of epochs.

        Parameters
        ----------
        X : array-like or mapping of str to array-like
            Signals (with ``sfreq``) of shape (n_rows, n_times) or (n_rows, n_channels,
            n_times) in microvolts; features of shape (n_rows, n_features) or (n_rows,
            n_channels, n_features); spectra of shape (n_rows, n_channels, n_frames,
            n_bins); or such an array for each modality. A row of NaN in a modality
            means that it is missing there.
        recording : array-like of shape (n_rows,), default=None
            Recording id of each row; None means that all rows are one night.
        epoch : array-like of int of shape (n_rows,), default=None
            Number of each row's epoch in its recording, from 0; None means that the
            rows of a recording follow each other without a gap.
        subject : str or array-like of shape (n_rows,), default=None
            Subject of each row; None takes the recording id.
        modalities : mapping of str to sequence of int, default=None
            Indices on the second axis of ``X`` for each modality, such as
            ``{"eeg": [0, 1], "eog": [2]}``; None calls everything ``"eeg"``.
        sfreq : float or mapping of str to float, default=None
            Sampling rate of signals in hertz; None means features or spectra.

        Returns
        -------
        EpochArray
            The rows, in the given order.

        Raises
        ------
        ValueError
            If shapes do not fit, an epoch occurs twice, or a recording has two
            subjects.

        Examples
        --------
        >>> import numpy as np
        >>> from sleepkit.recording import EpochArray
        >>> features = np.arange(12.0).reshape(4, 3)
        >>> columns = {"eeg": [0, 1], "eog": [2]}
        >>> nights = ["a", "a", "b", "b"]
        >>> EpochArray.from_arrays(features, recording=nights, modalities=columns)
        EpochArray(4 epochs of 2 recordings: eeg, eog)
        """
        recordings, index, epochs = recordings_from_arrays(
            X, recording, epoch, subject, modalities, sfreq
        )
        return cls._view(recordings, index, epochs, np.ones(len(epochs), np.bool_))

    @classmethod
    def _view(
        cls,
        recordings: tuple[Recording, ...],
        recording_index: IntArray,
        epoch: IntArray,
        train_mask: BoolArray,
    ) -> EpochArray:
        """Build a view from its parts."""
        view = object.__new__(cls)
        view._set(recordings, recording_index, epoch, train_mask)
        return view

    def _set(
        self,
        recordings: tuple[Recording, ...],
        recording_index: IntArray,
        epoch: IntArray,
        train_mask: BoolArray,
    ) -> None:
        """Fill the slots; the arrays are read-only, since views share them."""
        for values in (recording_index, epoch, train_mask):
            values.flags.writeable = False
        self.recordings = recordings
        self._recording_index = recording_index
        self.epoch = epoch
        self.train_mask = train_mask

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.epoch)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and of columns where every modality is a row of features.

        It is known without computing; scikit-learn counts samples and features by it.
        """
        widths: dict[str, int | None] = {}
        for layout in (recording.layout for recording in self.recordings):
            if any(widths.setdefault(n, layout[n]) != layout[n] for n in layout):
                return (len(self),)  # widths differ: no array can be made of it
        known = [width for width in widths.values() if width is not None]
        if not known or len(known) < len(widths):
            return (len(self),)
        return len(self), sum(known)

    def __getitem__(self, key: Any) -> EpochArray:
        """Select rows; recordings without rows are left out."""
        rows = as_rows(key, len(self))
        chosen = self._recording_index[rows]
        used, index = np.unique(chosen, return_inverse=True)
        kept = tuple(self.recordings[i] for i in used)
        return self._view(kept, index, self.epoch[rows], self.train_mask[rows])

    def __iter__(self) -> Iterator[EpochArray]:
        """Iterate over the rows, each a view."""
        return (self[i] for i in range(len(self)))

    @property
    def subject(self) -> Array:
        """Subject of each row, text of shape (n_rows,): the groups of a split."""
        return self._by_row([recording.subject for recording in self.recordings])

    @property
    def recording(self) -> Array:
        """Recording id of each row, text of shape (n_rows,)."""
        return self._by_row([recording.id for recording in self.recordings])

    def _by_row(self, values: list[str]) -> Array:
        """Repeat one text a recording for its rows."""
        return np.array(values, dtype=np.str_)[self._recording_index]

    @property
    def hypnogram(self) -> IntArray:
        """The recordings' stage of each row, shape (n_rows,); -1 where none."""
        stages = np.full(len(self), UNSCORED)
        for recording, rows, epochs in self.by_recording():
            if recording.hypnogram is not None:
                stages[rows] = recording.hypnogram[epochs]
        return stages

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that at least one recording has, known without computing."""
        return tuple(dict.fromkeys(n for r in self.recordings for n in r.modalities))

    @property
    def present(self) -> dict[str, BoolArray]:
        """For each modality, whether a row's recording has it, shape (n_rows,)."""
        return {
            name: np.array([name in r.modalities for r in self.recordings], np.bool_)[
                self._recording_index
            ]
            for name in self.modalities
        }

    @property
    def valid(self) -> dict[str, BoolArray]:
        """For each modality, whether a row has usable signal (computes)."""
        valid = {name: np.zeros(len(self), np.bool_) for name in self.modalities}
        for recording, rows, epochs in self.by_recording():
            for name, signal in recording.compute().signals.items():
                valid[name][rows] = (
                    True if signal.valid is None else signal.valid[epochs]
                )
        return valid

    def by_recording(self) -> Iterator[tuple[Recording, IntArray, IntArray]]:
        """Iterate over the recordings.

        Yields
        ------
        recording : Recording
            A recording of the view, its steps still pending.
        rows : ndarray of int
            Its rows in the view.
        epochs : ndarray of int
            The epochs of these rows.
        """
        rows_of = rows_of_each(self._recording_index, len(self.recordings))
        for recording, rows in zip(self.recordings, rows_of, strict=True):
            yield recording, rows, self.epoch[rows]

    def with_train_mask(self, train_mask: Any) -> EpochArray:
        """Set the rows that count in training.

        Parameters
        ----------
        train_mask : array-like of bool of shape (n_rows,)
            True where a row counts in training.

        Returns
        -------
        EpochArray
            The same rows with the new mask.

        Raises
        ------
        ValueError
            If the mask has another length or type.
        """
        mask = np.asarray(train_mask)
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            msg = (
                f"train_mask must be {len(self)} booleans, one a row; "
                f"got shape {mask.shape} of {mask.dtype}."
            )
            raise ValueError(msg)
        return self._view(
            self.recordings, self._recording_index, self.epoch, mask.copy()
        )

    def with_recordings(self, recordings: Iterable[Recording]) -> EpochArray:
        """Replace the recordings by other versions of the same nights.

        Parameters
        ----------
        recordings : iterable of Recording
            One for each of `recordings`, in their order.

        Returns
        -------
        EpochArray
            The same rows over the given recordings.

        Raises
        ------
        RecordingError
            If they are not versions of the same nights.
        """
        replaced = tuple(recordings)
        if [(r.id, r.n_epochs) for r in replaced] != [
            (r.id, r.n_epochs) for r in self.recordings
        ]:
            msg = (
                "with_recordings needs the same nights, of as many epochs, in the same "
                f"order; got {[r.id for r in replaced]}."
            )
            raise RecordingError(msg)
        return self._view(replaced, self._recording_index, self.epoch, self.train_mask)

    def map(self, step: Callable[[Recording], Recording]) -> EpochArray:
        """Note a step for every recording; it runs when signals are read.

        Parameters
        ----------
        step : callable
            A named, picklable function of a recording that returns a recording of the
            same epochs.

        Returns
        -------
        EpochArray
            The same rows with the step pending.

        Raises
        ------
        StepError
            If the step is a lambda or defined inside a function.
        """
        noted = Step(step)
        return self.with_recordings(r.map(noted) for r in self.recordings)

    def cached(
        self, directory: str | PathLike[str], dtype: str = "float32"
    ) -> EpochArray:
        """Keep the results of the steps so far in a store.

        Parameters
        ----------
        directory : str or path-like
            Folder of the store.
        dtype : {"float32", "float16"}, default="float32"
            Type of the stored values, see `Store`.

        Returns
        -------
        EpochArray
            The same rows; each night is computed at the first access, then read.

        Notes
        -----
        The cache key holds the content of the source, the steps with their parameters,
        the code of sleepkit that reads and transforms nights, the code of your own
        steps with all that they inherit, and the versions of numpy, scipy, MNE and
        edfio. It does not hold functions that a step of your own calls: after a change
        there, name another folder.
        """
        return self.with_recordings(
            r.cached(str(directory), dtype) for r in self.recordings
        )

    def materialize(
        self,
        directory: str | PathLike[str] | None = None,
        n_jobs: int | None = None,
        *,
        dtype: str = "float32",
        verbose: bool = False,
    ) -> EpochArray:
        """Compute every recording once, now.

        Parameters
        ----------
        directory : str or path-like, default=None
            Folder of a store, filled by processes; nights that it already holds are
            not computed again, so an interrupted call can simply be repeated. None
            keeps the results in memory, computed by threads.
        n_jobs : int, default=None
            Number of workers, as joblib counts them.
        dtype : {"float32", "float16"}, default="float32"
            Type of the values in the store. ``"float16"`` takes half the bytes and
            keeps 11 bits of a value; values are read as float32 in any case.
        verbose : bool, default=False
            Whether to show a progress bar.

        Returns
        -------
        EpochArray
            The same rows with no step pending.

        Raises
        ------
        StoreError
            If the folder cannot be written to or read from.
        RecordingError
            If float16 cannot hold the values of a night.
        """
        computed = materialize(
            self.recordings, directory, n_jobs, dtype=dtype, verbose=verbose
        )
        return self.with_recordings(computed)

    def select(self, names: Iterable[str]) -> EpochArray:
        """Keep some modalities, as if the others were missing.

        Parameters
        ----------
        names : iterable of str
            The modalities to keep.

        Returns
        -------
        EpochArray
            The same rows with fewer modalities.

        Raises
        ------
        ValueError
            If a name is none of `modalities`, or none is left.
        """
        kept = (names,) if isinstance(names, str) else tuple(names)
        self._check_named("select", kept)
        if not kept:
            msg = f"select and drop must leave at least one of {self.modalities}."
            raise ValueError(msg)
        return self.map(_Selection(kept))

    def drop(self, *names: str) -> EpochArray:
        """Leave out some modalities, as if they were missing.

        Parameters
        ----------
        *names : str
            The modalities to leave out.

        Returns
        -------
        EpochArray
            The same rows with fewer modalities.

        Raises
        ------
        ValueError
            If a name is none of `modalities`, or none is left.
        """
        self._check_named("drop", names)
        return self.select([name for name in self.modalities if name not in names])

    def _check_named(self, method: str, names: tuple[str, ...]) -> None:
        """Refuse names that no recording has."""
        unknown = [name for name in names if name not in self.modalities]
        if unknown:
            msg = f"{method} must name some of {self.modalities}; got {unknown}."
            raise ValueError(msg)

    def epochs(self, modality: str) -> FloatArray:
        """Collect the epochs of one modality, computing each night once.

        Parameters
        ----------
        modality : str
            Its name.

        Returns
        -------
        ndarray of float32
            Shape (n_rows, n_channels, n_times), (n_rows, n_channels, n_frames, n_bins)
            or (n_rows, n_features); NaN where it is missing or invalid.

        Raises
        ------
        KeyError
            If no recording has the modality.
        RecordingError
            If its rate or channels differ between recordings.
        """
        collected = gather(self.by_recording(), len(self), [modality])
        if modality not in collected:
            msg = f"No recording has {modality!r}; there are {self.modalities}."
            raise KeyError(msg)
        return collected[modality].values

    def to_frame(self) -> Any:
        """Convert to a pandas table with one row for each row of X.

        Returns
        -------
        pandas.DataFrame
            Columns ``subject``, ``recording``, ``epoch``, ``stage`` (a name, ``"n/a"``
            where there is none), ``train`` (whether it counts in training), and for
            each modality whether the row has usable signal, as ``valid_eeg``. The last
            ones compute pending steps, as `valid` does.

        Examples
        --------
        >>> import numpy as np
        >>> from sleepkit.recording import EpochArray
        >>> X = EpochArray.from_arrays(np.array([[1.0], [np.nan]]), recording="n1")
        >>> X.to_frame()
          subject recording  epoch stage  train  valid_eeg
        0      n1        n1      0   n/a   True       True
        1      n1        n1      1   n/a   True      False
        """
        from sleepkit.recording._tables import epoch_columns
        from sleepkit.utils import optional_import

        pandas = optional_import("pandas", extra="pandas")
        return pandas.DataFrame(epoch_columns(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Concatenate all modalities, where their epochs share a shape."""
        if copy is False:
            msg = "An EpochArray cannot become an array without a copy."
            raise ValueError(msg)
        arrays = gather(self.by_recording(), len(self), self.modalities)
        if not arrays:
            msg = "There is no epoch or no modality to make an array of."
            raise RecordingError(msg)
        joined = join(arrays)
        return joined if dtype is None else joined.astype(dtype, copy=False)

    def __getstate__(self) -> tuple[Any, ...]:
        """Pickle the slots."""
        return self.recordings, self._recording_index, self.epoch, self.train_mask

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Restore the slots, read-only again."""
        self._set(*state)

    def __repr__(self) -> str:
        """Show rows, nights and modalities."""
        n = len(self.recordings)
        names = ", ".join(self.modalities) or "no modality"
        nights = f"{n} recording{'' if n == 1 else 's'}"
        return f"EpochArray({len(self)} epochs of {nights}: {names})"

    def _repr_html_(self) -> str:
        """Show the nights and their stages in a notebook; no signal is read."""
        from sleepkit.recording._tables import epochs_html

        return epochs_html(self)


@dataclass(frozen=True)
class _Selection:
    """Step that keeps some modalities, behind ``select`` and ``drop``."""

    selects_only: ClassVar[bool] = True  # nothing is computed

    names: tuple[str, ...]

    def layout(self, before: Layout) -> Layout:
        """Return the modalities that are left."""
        return {name: n for name, n in before.items() if name in self.names}

    def __call__(self, recording: Recording) -> Recording:
        """Leave out the other modalities."""
        kept = {n: s for n, s in recording.signals.items() if n in self.names}
        return recording.with_signals(kept)


def _check_recordings(recordings: Iterable[Recording]) -> tuple[Recording, ...]:
    """Require recordings with ids of their own and epochs of one length."""
    checked = (recordings,) if isinstance(recordings, Recording) else tuple(recordings)
    wrong = [type(r).__name__ for r in checked if not isinstance(r, Recording)]
    if wrong:
        msg = f"An EpochArray is made of Recording objects; got {wrong[0]}."
        raise TypeError(msg)
    ids = [recording.id for recording in checked]
    repeated = sorted(name for name, count in Counter(ids).items() if count > 1)
    durations = sorted({recording.epoch_duration for recording in checked})
    if repeated or len(durations) > 1:
        what = f"ids {repeated}" if repeated else f"epochs of {durations} s"
        msg = (
            "Recordings of one EpochArray need ids of their own and one epoch length; "
            f"got {what}."
        )
        raise RecordingError(msg)
    return checked
