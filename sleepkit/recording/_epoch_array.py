"""The X of sleepkit: a row is an epoch, and whole nights stand behind the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, FloatArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._dense import gather, join
from sleepkit.recording._from_arrays import recordings_from_arrays
from sleepkit.recording._materialize import materialize
from sleepkit.recording._recording import Recording
from sleepkit.recording._selection import Selection
from sleepkit.recording._step import Step
from sleepkit.recording._view import EpochView, check_recordings


class EpochArray(EpochView):
    """An ordered view of epochs over whole recordings, which scikit-learn can index.

    Each row is one epoch, so ``y``, ``groups`` and predictions are flat arrays. Rows
    may come in any order and repeat; ``X[rows]`` copies no signal. The other epochs of
    a recording stay behind the view, as unlabelled context.

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
        Which rows an estimator may learn from (see ``EdgeTrimmer``).

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

    __slots__ = ()

    def __init__(
        self, recordings: Iterable[Recording], *, include_unscored: bool = False
    ) -> None:
        checked = check_recordings(recordings)
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
        """Make nights of epochs that were cut already, so that rows become sequences.

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

    def map(self, step: Callable[[Recording], Recording]) -> EpochArray:
        """Note a step for every recording; nothing is computed until asked for.

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

    def cached(self, directory: str | PathLike[str]) -> EpochArray:
        """Keep the results of the steps so far in a store, filled when asked for.

        Parameters
        ----------
        directory : str or path-like
            Folder of the store.

        Returns
        -------
        EpochArray
            The same rows; each night is computed once, and read ever after.

        Notes
        -----
        The cache key holds the content of the source, the steps with their parameters,
        the code of sleepkit that reads and transforms nights, the code of your own
        steps with all that they inherit, and the versions of numpy, scipy, MNE and
        edfio. It does not hold functions that a step of your own calls: after a change
        there, name another folder.
        """
        return self.with_recordings(r.cached(str(directory)) for r in self.recordings)

    def materialize(
        self,
        directory: str | PathLike[str] | None = None,
        n_jobs: int | None = None,
        *,
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
        verbose : bool, default=False
            Whether to show a progress bar.

        Returns
        -------
        EpochArray
            The same rows with no step pending.
        """
        computed = materialize(self.recordings, directory, n_jobs, verbose=verbose)
        return self.with_recordings(computed)

    def select(self, names: Iterable[str]) -> EpochArray:
        """Keep only some modalities, to ask what if the others were missing.

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
        return self.map(Selection(kept))

    def drop(self, *names: str) -> EpochArray:
        """Leave out some modalities, to ask what if they were missing.

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
        collected = gather(self, [modality])
        if modality not in collected:
            msg = f"No recording has {modality!r}; there are {self.modalities}."
            raise KeyError(msg)
        return collected[modality].values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Collect all modalities side by side, where their epochs share a shape."""
        if copy is False:
            msg = "An EpochArray cannot become an array without a copy."
            raise ValueError(msg)
        arrays = gather(self, self.modalities)
        if not arrays:
            msg = "There is no epoch or no modality to make an array of."
            raise RecordingError(msg)
        joined = join(arrays)
        return joined if dtype is None else joined.astype(dtype, copy=False)

    def __repr__(self) -> str:
        """Tell rows, nights and modalities."""
        n = len(self.recordings)
        names = ", ".join(self.modalities) or "no modality"
        nights = f"{n} recording{'' if n == 1 else 's'}"
        return f"EpochArray({len(self)} epochs of {nights}: {names})"
