"""Rows that are epochs: which they are, and what belongs to each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, BoolArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._recording import Recording
from sleepkit.recording._rows import as_rows, rows_of_each


class EpochView:
    """An index of rows, each an epoch of one of a few shared recordings.

    This is the part of `EpochArray` that knows rows; nothing here touches a signal,
    but for `valid`.
    """

    __slots__ = ("_recording_index", "epoch", "recordings", "train_mask")

    recordings: tuple[Recording, ...]
    epoch: IntArray
    train_mask: BoolArray
    _recording_index: IntArray

    @classmethod
    def _view(
        cls,
        recordings: tuple[Recording, ...],
        recording_index: IntArray,
        epoch: IntArray,
        train_mask: BoolArray,
    ) -> Self:
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
        """Fill the slots; views share these arrays, so nobody may change them."""
        for values in (recording_index, epoch, train_mask):
            values.flags.writeable = False
        self.recordings = recordings
        self._recording_index = recording_index
        self.epoch = epoch
        self.train_mask = train_mask

    def __getstate__(self) -> tuple[Any, ...]:
        """Pickle the slots."""
        return self.recordings, self._recording_index, self.epoch, self.train_mask

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Restore the slots, read-only again."""
        self._set(*state)

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
                return (len(self),)  # widths differ; making one array will say so
        known = [width for width in widths.values() if width is not None]
        if not known or len(known) < len(widths):
            return (len(self),)
        return len(self), sum(known)

    def __getitem__(self, key: Any) -> Self:
        """Select rows; recordings that lose their last row leave the view."""
        rows = as_rows(key, len(self))
        chosen = self._recording_index[rows]
        used, index = np.unique(chosen, return_inverse=True)
        kept = tuple(self.recordings[i] for i in used)
        return self._view(kept, index, self.epoch[rows], self.train_mask[rows])

    def __iter__(self) -> Iterator[Self]:
        """Give the rows one by one, each as a view."""
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
        """Spread one text a recording over the rows."""
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
        """For each modality, in which rows' recordings it is, shape (n_rows,)."""
        return {
            name: np.array([name in r.modalities for r in self.recordings], np.bool_)[
                self._recording_index
            ]
            for name in self.modalities
        }

    @property
    def valid(self) -> dict[str, BoolArray]:
        """For each modality, in which rows it can be trusted (computes)."""
        valid = {name: np.zeros(len(self), np.bool_) for name in self.modalities}
        for recording, rows, epochs in self.by_recording():
            for name, signal in recording.compute().signals.items():
                valid[name][rows] = (
                    True if signal.valid is None else signal.valid[epochs]
                )
        return valid

    def by_recording(self) -> Iterator[tuple[Recording, IntArray, IntArray]]:
        """Go through the recordings.

        Yields
        ------
        recording : Recording
            A recording of the view, its steps still pending.
        rows : ndarray of int
            The rows it has in the view.
        epochs : ndarray of int
            The epochs that these rows show.
        """
        rows_of = rows_of_each(self._recording_index, len(self.recordings))
        for recording, rows in zip(self.recordings, rows_of, strict=True):
            yield recording, rows, self.epoch[rows]

    def with_train_mask(self, train_mask: Any) -> Self:
        """Say which rows an estimator may learn from.

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

    def with_recordings(self, recordings: Iterable[Recording]) -> Self:
        """Put other versions of the same nights behind the rows.

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


def check_recordings(recordings: Iterable[Recording]) -> tuple[Recording, ...]:
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
