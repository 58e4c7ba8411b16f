"""Staging of a night while it is recorded."""

from __future__ import annotations

import math
import warnings
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import BoolArray, FloatArray, IntArray
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.hypnogram import Hypnogram
from sleepkit.live._chunks import (
    check_chunk,
    check_layout,
    check_start,
    per_modality,
)
from sleepkit.live._first_epoch import doubts_of
from sleepkit.live._running_statistics import Window
from sleepkit.live._running_steps import with_running_steps
from sleepkit.live._signal_buffer import SignalBuffer
from sleepkit.live._stream_report import StreamReport
from sleepkit.live._trial import try_stager
from sleepkit.pipelines import StagedNight, stage_night
from sleepkit.recording import Recording
from sleepkit.utils import check_count, check_positive

_LONGEST_GAP: Final = 24 * 3600.0  # seconds


class StreamingStager:
    """Stager of signals that arrive in chunks: each epoch is staged once it is over.

    It holds the signals of the last epochs, the window. When an epoch is over, the
    window is staged as a night is by `sleepkit.pipelines.stage_night`, and one epoch of
    it, `look_ahead` epochs back, keeps its stage. Steps that scale by the recording
    scale by the night so far instead, also by what has left the window.

    Parameters
    ----------
    stager : estimator
        A fitted stager of nights, such as `sleepkit.pipelines.make_stager` or
        `sleepkit.pretrained.load_stager` returns.
    sfreq : mapping of str to float
        Sampling rate in hertz of each modality, such as ``{"eeg": 256, "emg": 512}``.
    ch_names : mapping of str to sequence of str, default=None
        Names of the channels of the modalities that have several; others have one.
    look_ahead : int, default=0
        How many later epochs are waited for. A stage comes that much later, and is the
        better for it where the stager uses the epochs around. No sample after these is
        read.
    context : int, default=120
        Number of epochs in the window, more than `look_ahead`. It bounds memory and
        time an epoch, and what filters and sequence models see.
    patience : float, default=5.0
        Seconds of signal after the end of an epoch that chunks of it may be late by.
        Afterwards what is missing of it is lost. Only an epoch that lacks samples is
        waited for.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    start : datetime.datetime, default=None
        Start of the recording.
    reference : Recording, default=None
        An earlier night of the same person and device, whose statistics count as if it
        came just before; None begins without any.

    Raises
    ------
    TypeError
        If the stager has no ``predict_proba``, or the reference is no Recording.
    ValueError
        If another parameter has a value that it cannot have.

        The stager is tried on an epoch of noise at once: if it is not fitted, or does
        not take these modalities and channels, its own error is raised.

    See Also
    --------
    sleepkit.pipelines.stage_night : Stages a whole night.

    Notes
    -----
    Chunks of any size give the same stages, in any order that `patience` allows.

    Filters run over the window anew at the end of each epoch, and keep no state: so
    they are those that the stager was trained with, of zero phase, and still causal,
    since the window ends with the look-ahead. Filters that carry a state would have
    another phase, or a delay.

    Until an epoch has left the window, its statistics are exactly those of a recording
    of the night so far. A flagged epoch that leaves it while it holds no good one is
    forgotten. A stager that is no Pipeline, search or `LogPoolClassifier` of sleepkit's
    steps stages the window as if it were the night.

    Holes of at most 0.2 s are bridged by a line between the other samples of their
    epoch. An epoch of which no modality has all samples is unscored.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.live import StreamingStager
    >>> from sleepkit.pipelines import make_stager
    >>> X, y, _ = make_polysomnography(2, hours=0.1, modalities=["eeg"], random_state=0)
    >>> stager = make_stager("trees", random_state=0).fit(X, y)
    >>> eeg = X.recordings[0].signals["eeg"]
    >>> live = StreamingStager(stager, sfreq={"eeg": eeg.sfreq}, look_ahead=2)
    >>> for i in range(0, eeg.shape[1], 1000):
    ...     _ = live.push({"eeg": eeg.data[:, i : i + 1000]})
    >>> len(live.stages()), int((live.stages().stages == -1).sum())
    (12, 2)
    >>> int((live.finish().stages == -1).sum())
    0
    """

    def __init__(
        self,
        stager: Any,
        *,
        sfreq: Mapping[str, float],
        ch_names: Mapping[str, Sequence[str]] | None = None,
        look_ahead: int = 0,
        context: int = 120,
        patience: float = 5.0,
        epoch_duration: float = 30.0,
        start: datetime | None = None,
        reference: Recording | None = None,
    ) -> None:
        owner = "StreamingStager"
        self.look_ahead = check_count("look_ahead", look_ahead, owner=owner, minimum=0)
        self.context = check_count(
            "context", context, owner=owner, minimum=self.look_ahead + 1
        )
        self.patience = check_positive("patience", patience, owner=owner, zero=True)
        self.epoch_duration = check_positive(
            "epoch_duration", epoch_duration, owner=owner
        )
        self.start = check_start(start)
        layout = check_layout(sfreq, ch_names)
        try_stager(stager, layout, self.epoch_duration)
        held = self.context + 3 + math.ceil(self.patience / self.epoch_duration)
        self._buffers = {
            name: SignalBuffer(rate, names, self.epoch_duration, held)
            for name, (rate, names) in layout.items()
        }
        self._window = Window()
        self._stager = with_running_steps(stager, self._window)
        self._n_closed = self._n_staged = 0
        self._has_good = True  # whether the last window had an epoch of good signal
        self._unjudged = set(layout)  # modalities without any epoch so far
        self._probabilities = array("d")  # flat
        self._flagged = bytearray()
        self._finished = False
        if reference is not None:
            self._remember(reference)

    def push(
        self,
        chunk: Mapping[str, Any],
        *,
        at: int | Mapping[str, int] | None = None,
        time: float | Mapping[str, float] | None = None,
    ) -> IntArray:
        """Take a chunk of signal, and stage the epochs that are over.

        Parameters
        ----------
        chunk : mapping of str to array-like
            Microvolts of some modalities or all, each of shape (n_channels, n_times),
            or (n_times,) for one channel. NaN and infinity are missing.
        at : int or mapping of str to int, default=None
            Number of the first sample, counted from the start of the recording, for one
            modality or for each. It tells chunks that come late, or again, or after
            lost ones. None means that the samples follow those before, or the last
            epoch that is closed, or `time`.
        time : float or mapping of str to float, default=None
            Time of the first sample in seconds from the start of the recording, by the
            clock of the device. It measures the sampling rate, and stands in for `at`
            where it is off by more than 0.1 s from the samples so far.

        Returns
        -------
        ndarray of int8
            The stages that this chunk decides, often none.

        Raises
        ------
        RecordingError
            If the chunk has an unknown modality, another number of channels, a sample
            number or time before the start or far in the future, or if `finish` was
            called. Nothing of the chunk is taken then.

        Warns
        -----
        SleepkitWarning
            Once, if the first epoch of an EEG does not look like microvolts, or that of
            a modality comes at a rate that is off by more than 1 %.
        """
        if self._finished:
            msg = (
                "StreamingStager.push came after finish: make another for a new night."
            )
            raise RecordingError(msg)
        first = self._n_staged
        for start, name, number, values in sorted(
            self._pieces(chunk, at, time), key=lambda piece: piece[0]
        ):
            while self._end_of(self._n_closed) + self.patience <= start:
                self._close()
            self._buffers[name].place(number, values)
            while all(b.is_complete(self._n_closed) for b in self._buffers.values()):
                self._close()
        return self._stages_from(first)

    def finish(self) -> Hypnogram:
        """Stage the epochs that later ones were waited for, and end the night.

        Returns
        -------
        Hypnogram
            All stages. The last epoch is one that a modality has all samples of.
        """
        if not self._finished:
            newest = max(b.end / b.sfreq for b in self._buffers.values())
            while self._end_of(self._n_closed) <= newest + 1e-6:
                self._close()
            self._finished = True
            if self._n_staged < self._n_closed:
                self._stage(self._n_closed)
        return self.stages()

    def stages(self) -> Hypnogram:
        """Return the stages so far.

        Returns
        -------
        Hypnogram
            Stages and probabilities of the epochs that are over. Those that later ones
            are waited for are unscored, as those without signal.
        """
        n_waiting = self._n_closed - self._n_staged
        waiting = np.full((n_waiting, N_STAGES), np.nan)
        return Hypnogram(
            np.append(self._stages_from(0), np.full(n_waiting, UNSCORED)),
            self.epoch_duration,
            start=self.start,
            probabilities=np.vstack([self._probabilities_from(0), waiting]),
        )

    @property
    def flagged(self) -> BoolArray:
        """Epochs staged so far although their signals failed the quality check."""
        return np.array(self._flagged).astype(np.bool_)

    def report(self) -> dict[str, StreamReport]:
        """Count what arrived of each modality, in time and not.

        Returns
        -------
        dict of str to StreamReport
            The counts by modality.
        """
        return {name: buffer.report() for name, buffer in self._buffers.items()}

    # ------------------------------------------------------------------------ chunks

    def _pieces(
        self, chunk: Mapping[str, Any], at: Any, time: Any
    ) -> list[tuple[float, str, int, FloatArray]]:
        """Check a chunk, and cut it: time, modality, first sample and samples."""
        arrays = check_chunk(
            chunk, {n: len(b.ch_names) for n, b in self._buffers.items()}
        )
        numbers = per_modality("at", at, arrays, self._buffers)
        times = per_modality("time", time, arrays, self._buffers)
        starts = {
            name: self._buffers[name].locate(numbers[name], times[name])
            for name in arrays
        }
        for name, start in starts.items():
            self._check_start(name, start)
        pieces = []
        for name, values in arrays.items():
            buffer, start, seconds = self._buffers[name], starts[name], times[name]
            if seconds is not None:
                buffer.count(start, values.shape[1], seconds)
            pieces += [
                (t, name, n, part) for t, n, part in buffer.pieces(start, values)
            ]
        return pieces

    def _check_start(self, name: str, start: int) -> None:
        """Refuse a chunk before the night, or so late that it must be a mistake."""
        sfreq = self._buffers[name].sfreq
        latest = max(b.end / b.sfreq for b in self._buffers.values()) + _LONGEST_GAP
        if not 0 <= start / sfreq <= latest:
            msg = (
                f"A chunk of {name!r} must begin at 0 s or later, and at most 24 h "
                f"after the newest sample. Got {start / sfreq:g} s (sample {start})."
            )
            raise RecordingError(msg)

    def _end_of(self, epoch: int) -> float:
        """Time at which an epoch is over."""
        return (epoch + 1) * self.epoch_duration

    # ----------------------------------------------------------------------- staging

    def _close(self) -> None:
        """End the first open epoch, and stage the one that waited for it."""
        for buffer in self._buffers.values():
            buffer.close(self._n_closed)
        self._judge()
        self._n_closed += 1
        self._window.first = max(self._n_closed - self.context, 0)
        self._window.kept = max(self._n_closed + 1 - self.context, 0)
        # Where no epoch is good, flagged ones are staged alone, and not remembered.
        self._window.remembers = self._has_good
        try:
            if self._n_closed > self.look_ahead:
                self._stage(self._n_closed - self.look_ahead)
        finally:  # room for further samples also after an error of the stager
            for buffer in self._buffers.values():
                buffer.forget(self._window.first)

    def _stage(self, end: int) -> None:
        """Stage the window, and keep the stages of the epochs before ``end``."""
        n_rows = end - self._n_staged
        probabilities = np.full((n_rows, N_STAGES), np.nan)
        flagged = np.zeros(n_rows, np.bool_)
        staged = self._stage_window()
        if staged is not None:
            # Where the stager raised errors, epochs may have left the window unstaged.
            first = self._window.first
            gone = max(first - self._n_staged, 0)
            chosen = slice(self._n_staged + gone - first, end - first)
            probabilities[gone:] = np.asarray(staged.hypnogram.probabilities)[chosen]
            flagged[gone:] = staged.flagged[chosen]
        self._probabilities.extend(probabilities.ravel())
        self._flagged.extend(flagged)
        self._n_staged = end

    def _stage_window(self) -> StagedNight | None:
        """Stage the window as a night; None where no epoch of it has a signal."""
        first, end = self._window.first, self._n_closed
        self._has_good = False
        if not any(b.has_samples(first, end) for b in self._buffers.values()):
            return None  # which saves minutes where hours are missing
        signals = {n: b.signal(first, end) for n, b in self._buffers.items()}
        night = Recording(
            id="live",
            subject="live",
            signals=signals,
            epoch_duration=self.epoch_duration,
        )
        with warnings.catch_warnings():
            # an epoch without signal is no news in every window that holds it
            warnings.simplefilter("ignore", SleepkitWarning)
            try:
                staged = stage_night(self._stager, night)
            except RecordingError:  # the layout was tried: it is for want of signal
                return None
        good = (staged.hypnogram.stages != UNSCORED) & ~staged.flagged
        self._has_good = bool(good[self._window.kept - first :].any())
        return staged

    def _judge(self) -> None:
        """Warn once of a modality whose first epoch cannot be what was declared."""
        for name in sorted(self._unjudged):
            buffer = self._buffers[name]
            signal = buffer.signal(self._n_closed, self._n_closed + 1)
            if np.isfinite(signal.data).any():
                self._unjudged.remove(name)
                for doubt in doubts_of(name, signal, buffer.report().counted_sfreq):
                    warnings.warn(doubt, SleepkitWarning, stacklevel=4)

    def _remember(self, reference: Recording) -> None:
        """Take the statistics of an earlier night as those of the epochs before."""
        if not isinstance(reference, Recording):
            msg = (
                "The 'reference' parameter of StreamingStager must be a Recording or "
                f"None. Got {reference!r} instead."
            )
            raise TypeError(msg)
        self._window.first, self._window.kept = -reference.n_epochs, 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SleepkitWarning)
            stage_night(self._stager, reference)

    def _stages_from(self, first: int) -> IntArray:
        """Stages that are decided, from an epoch on."""
        probabilities = self._probabilities_from(first)
        unknown = np.isnan(probabilities).any(axis=1)
        best = np.nan_to_num(probabilities).argmax(axis=1)
        return np.where(unknown, UNSCORED, best).astype(np.int8)

    def _probabilities_from(self, first: int) -> FloatArray:
        """Probabilities of the epochs that are staged, from one on."""
        flat = np.array(self._probabilities[first * N_STAGES :])
        return flat.reshape(-1, N_STAGES)
