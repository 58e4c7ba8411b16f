"""One night of one subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._signal import Signal
from sleepkit.recording._step import Step, versions
from sleepkit.recording._store import Store
from sleepkit.utils import check_positive


class Recording:
    """One night of one subject: a few modalities and, perhaps, a hypnogram.

    Parameters
    ----------
    id : str
        Name of the night, unique in a cohort.
    subject : str
        Name of the person, prefixed by the cohort (``"shhs:200001"``).
    signals : mapping of str to Signal
        The modalities, such as ``{"eeg": Signal(data, 100, ["C4-M1"])}``. A modality
        that was not recorded is left out.
    hypnogram : array-like of int of shape (n_epochs,), default=None
        Stage of each epoch: 0 W, 1 N1, 2 N2, 3 N3, 4 REM, -1 unscored.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    start : datetime.datetime, default=None
        When the recording began.
    lights_off : float, default=None
        Seconds from the start of the recording to lights off.
    lights_on : float, default=None
        Seconds from the start of the recording to lights on.

    Attributes
    ----------
    n_epochs : int
        Number of epochs: the length of the hypnogram, or else the whole epochs of the
        shortest signal.
    hypnogram : ndarray of int8 of shape (n_epochs,) or None
        The stages, read-only.

    Raises
    ------
    RecordingError
        If the parts do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.recording import Recording, Signal
    >>> eeg = Signal(np.zeros((1, 6000)), 100, ["C4-M1"])
    >>> Recording(id="n1", subject="s1", signals={"eeg": eeg}, hypnogram=[0, 2])
    Recording('n1' of 's1': 2 epochs of 30 s, eeg)
    """

    def __init__(
        self,
        *,
        id: str,
        subject: str,
        signals: Mapping[str, Signal],
        hypnogram: Any = None,
        epoch_duration: float = 30.0,
        start: datetime | None = None,
        lights_off: float | None = None,
        lights_on: float | None = None,
    ) -> None:
        self.id = str(id)
        self.subject = str(subject)
        self.epoch_duration = check_positive(
            "epoch_duration", epoch_duration, owner="Recording"
        )
        self.start = start
        self.lights_off = lights_off
        self.lights_on = lights_on
        self.hypnogram = None if hypnogram is None else _as_stages(hypnogram)
        self._signals = MappingProxyType(_check_signals(signals))
        self.n_epochs = self._count_epochs()
        self._steps: tuple[Step | Store, ...] = ()
        self._fingerprint: str | None = None

    def _count_epochs(self) -> int:
        """Agree on the number of epochs, or say who disagrees."""
        lengths = {
            name: signal.n_epochs(self.epoch_duration)
            for name, signal in self._signals.items()
        }
        if self.hypnogram is None:
            if min(lengths.values(), default=0) < 1:
                msg = (
                    f"Recording {self.id!r} needs a hypnogram, or signals of at least "
                    f"one epoch of {self.epoch_duration:g} s; its signals have "
                    f"{lengths}."
                )
                raise RecordingError(msg)
            return min(lengths.values())
        n_epochs = len(self.hypnogram)
        wrong = {name: length for name, length in lengths.items() if length < n_epochs}
        if wrong or (lengths and min(lengths.values()) > n_epochs):
            msg = (
                f"The hypnogram of recording {self.id!r} has {n_epochs} epochs of "
                f"{self.epoch_duration:g} s, but its signals have {lengths}."
            )
            raise RecordingError(msg)
        return n_epochs

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, known without computing."""
        names = tuple(self._signals)
        for step in self._steps:
            if isinstance(step, Step):
                names = step.modalities(names)
        return names

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The modalities; pending steps are run at each call (see `compute`)."""
        return self.compute()._signals

    @property
    def is_computed(self) -> bool:
        """Whether no step is pending."""
        return not self._steps

    @property
    def fingerprint(self) -> str:
        """Text that changes whenever the content, computed or pending, does."""
        if self._fingerprint is None:
            parts = [self.id, self.subject, self.n_epochs, self.epoch_duration]
            parts += [None if self.hypnogram is None else self.hypnogram.tolist()]
            parts += [(name, s.fingerprint) for name, s in self._signals.items()]
            parts += [s.fingerprint for s in self._steps if isinstance(s, Step)]
            self._fingerprint = str(joblib.hash(parts))
        return self._fingerprint

    def map(self, step: Callable[[Recording], Recording]) -> Recording:
        """Note a step, to be run when the signals are asked for.

        Parameters
        ----------
        step : callable
            A named, picklable function of a recording that returns a recording of the
            same epochs.

        Returns
        -------
        Recording
            A recording with the step pending.

        Raises
        ------
        StepError
            If the step has no name by which workers and stores could find it.
        """
        return self._with_steps(step if isinstance(step, Step) else Step(step))

    def cached(self, directory: str) -> Recording:
        """Keep the result of the steps so far in a store.

        Parameters
        ----------
        directory : str
            Folder of the store.

        Returns
        -------
        Recording
            A recording that is computed when first asked for, and read ever after.
        """
        return self._with_steps(Store(str(directory)))

    def compute(self) -> Recording:
        """Run the pending steps.

        Returns
        -------
        Recording
            The result, with no step pending.
        """
        if not self._steps:
            return self
        last = self._steps[-1]
        before = self._copy(steps=self._steps[:-1])
        if isinstance(last, Step):
            return last(before.compute())
        key = str(joblib.hash((before.fingerprint, versions())))
        about = {
            "id": self.id,
            "subject": self.subject,
            "source": self._copy(steps=()).fingerprint,
            "steps": [str(step) for step in before._steps if isinstance(step, Step)],
            "versions": versions(),
        }
        return last.fetch(self._copy(steps=()), key, about, before.compute)

    def load(self) -> Recording:
        """Run the pending steps and read all values into memory.

        Returns
        -------
        Recording
            The result, with no step pending and no file behind it.
        """
        signals = self.compute()._signals
        return self.with_signals({name: s.load() for name, s in signals.items()})

    def with_signals(self, signals: Mapping[str, Signal]) -> Recording:
        """Replace the signals.

        Parameters
        ----------
        signals : mapping of str to Signal
            The new modalities.

        Returns
        -------
        Recording
            The same night with other signals and no step pending.

        Raises
        ------
        RecordingError
            If a signal is shorter than the night.
        """
        checked = _check_signals(signals)
        for name, signal in checked.items():
            length = signal.n_epochs(self.epoch_duration)
            if length < self.n_epochs:
                msg = (
                    f"Recording {self.id!r} has {self.n_epochs} epochs, "
                    f"but its new {name!r} signal has only {length}."
                )
                raise RecordingError(msg)
        return self._copy(signals=MappingProxyType(checked), steps=())

    def _with_steps(self, *steps: Step | Store) -> Recording:
        """Copy the recording with steps appended."""
        return self._copy(steps=(*self._steps, *steps))

    def _copy(
        self,
        *,
        signals: Mapping[str, Signal] | None = None,
        steps: tuple[Step | Store, ...],
    ) -> Recording:
        """Copy the recording, sharing all that is not named."""
        copy = object.__new__(Recording)
        copy.__dict__.update(self.__dict__)
        copy._fingerprint = None
        copy._steps = steps
        if signals is not None:
            copy._signals = MappingProxyType(dict(signals))
        return copy

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the fingerprint, which must not change a pickle's hash."""
        state = {**self.__dict__, "_signals": dict(self._signals)}
        return state | {"_fingerprint": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the read-only mapping of signals."""
        self.__dict__.update(state, _signals=MappingProxyType(state["_signals"]))

    def __repr__(self) -> str:
        """Name the night, its length and its modalities."""
        names = ", ".join(self.modalities) or "no modality"
        pending = f", {len(self._steps)} steps pending" if self._steps else ""
        return (
            f"Recording({self.id!r} of {self.subject!r}: {self.n_epochs} epochs of "
            f"{self.epoch_duration:g} s, {names}{pending})"
        )


def _as_stages(hypnogram: Any) -> IntArray:
    """Check stage codes."""
    stages = np.asarray(hypnogram)
    known = np.isin(stages, np.arange(UNSCORED, N_STAGES))
    if stages.ndim != 1 or not stages.size or not known.all():
        got = f"shape {stages.shape}" if stages.ndim != 1 else str(np.unique(stages))
        msg = (
            "hypnogram must be a flat, non-empty array of 0 W, 1 N1, 2 N2, 3 N3, 4 REM "
            f"or -1 unscored; got {got}."
        )
        raise RecordingError(msg)
    codes: IntArray = stages.astype(np.int8)
    codes.flags.writeable = False
    return codes


def _check_signals(signals: Mapping[str, Signal]) -> dict[str, Signal]:
    """Require named signals."""
    for name, signal in signals.items():
        if not isinstance(name, str) or not isinstance(signal, Signal):
            kind = type(signal).__name__
            msg = f"signals must map names to Signal; got {name!r}: {kind}."
            raise RecordingError(msg)
    return dict(signals)
