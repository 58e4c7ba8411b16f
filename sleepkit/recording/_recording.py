"""One night of one subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import joblib

from sleepkit.exceptions import RecordingError
from sleepkit.recording._consistency import (
    as_stages,
    check_masks,
    check_signals,
    count_epochs,
)
from sleepkit.recording._signal import Signal
from sleepkit.recording._step import Layout, Step
from sleepkit.recording._store import Store
from sleepkit.utils import NIGHT_PACKAGES, check_positive, versions

_DISTRIBUTIONS = ("edfio", "mne", "numpy", "scipy")  # that compute signals
_REPLACEABLE = ("id", "subject", "hypnogram", "start", "lights_off", "lights_on")


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
        self.hypnogram = None if hypnogram is None else as_stages(hypnogram)
        self._signals = MappingProxyType(check_signals(signals))
        lengths = {name: s.n_epochs(self.epoch_duration) for name, s in signals.items()}
        self.n_epochs = count_epochs(self.id, lengths, self.hypnogram)
        check_masks(self.id, self._signals, self.n_epochs)
        self._steps: tuple[Step | Store, ...] = ()
        self._fingerprint: str | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, known without computing."""
        return tuple(self.layout)

    @property
    def layout(self) -> Layout:
        """Modalities and their numbers of features, known without computing.

        The number is None for samples, spectra, and what a pending step does not tell.
        """
        layout: Layout = {name: s.n_features for name, s in self._signals.items()}
        for step in self._steps:
            if isinstance(step, Step):
                layout = step.layout(layout)
        return layout

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The modalities; pending steps are run at each call (see `compute`)."""
        return self.compute()._signals

    @property
    def sources(self) -> Mapping[str, Signal]:
        """The modalities before all pending steps."""
        return self._signals

    @property
    def is_computed(self) -> bool:
        """Whether no step is pending."""
        return not self._steps

    @property
    def is_kept(self) -> bool:
        """Whether the values are in memory or mapped, or a store gives them mapped."""
        for step in reversed(self._steps):
            if isinstance(step, Store):
                return True
            if not step.only_chooses:
                return False
        return all(s.is_loaded or s.is_mapped for s in self._signals.values())

    @property
    def fingerprint(self) -> str:
        """Text that changes whenever the content, computed or pending, does."""
        if self._fingerprint is None:
            parts = [self.id, self.subject, self.n_epochs, self.epoch_duration]
            parts += [str(self.start), self.lights_off, self.lights_on]
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
        store = Store(str(Path(directory).resolve()))
        since = [i for i, step in enumerate(self._steps) if isinstance(step, Step)]
        if store in self._steps[max(since, default=-1) + 1 :]:
            return self  # a second time would wait for its own lock
        return self._with_steps(store)

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
        code = versions(*_DISTRIBUTIONS, packages=NIGHT_PACKAGES)
        key = str(joblib.hash((before.fingerprint, code)))
        about = {
            "id": self.id,
            "subject": self.subject,
            "source": self._copy(steps=()).fingerprint,
            "steps": [str(step) for step in before._steps if isinstance(step, Step)],
            "versions": code,
        }
        stored = last.fetch(self.id, key, about, lambda: before.signals)
        return self.with_signals(stored)

    def load(self) -> Recording:
        """Run the pending steps and read all values into memory.

        Returns
        -------
        Recording
            The result, with no step pending and no file behind it.
        """
        signals = self.compute()._signals
        return self.with_signals({name: s.load() for name, s in signals.items()})

    def replace(self, **changes: Any) -> Recording:
        """Change what is known of the night beside its signals.

        Parameters
        ----------
        **changes : object
            New values of `id`, `subject`, `hypnogram`, `start`, `lights_off` or
            `lights_on`.

        Returns
        -------
        Recording
            The changed copy; signals and pending steps are shared.

        Raises
        ------
        TypeError
            If something else is named.
        RecordingError
            If the hypnogram is not one stage an epoch.

        Examples
        --------
        >>> import numpy as np
        >>> from sleepkit.recording import Recording, Signal
        >>> eeg = Signal(np.zeros((1, 6000)), 100)
        >>> night = Recording(id="n1", subject="n1", signals={"eeg": eeg})
        >>> night.replace(subject="lab:anna", lights_off=30.0)
        Recording('n1' of 'lab:anna': 2 epochs of 30 s, eeg)
        """
        unknown = sorted(set(changes) - set(_REPLACEABLE))
        if unknown:
            msg = f"Recording.replace changes {_REPLACEABLE}; got {unknown}."
            raise TypeError(msg)
        if changes.get("hypnogram") is not None:
            changes["hypnogram"] = as_stages(changes["hypnogram"])
            if len(changes["hypnogram"]) != self.n_epochs:
                msg = (
                    f"Recording {self.id!r} has {self.n_epochs} epochs, but its new "
                    f"hypnogram has {len(changes['hypnogram'])}."
                )
                raise RecordingError(msg)
        copy = self._copy(steps=self._steps)
        copy.__dict__.update(changes)
        return copy

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
        checked = check_signals(signals)
        for name, signal in checked.items():
            length = signal.n_epochs(self.epoch_duration)
            if length < self.n_epochs:
                msg = (
                    f"Recording {self.id!r} has {self.n_epochs} epochs, "
                    f"but its new {name!r} signal has only {length}."
                )
                raise RecordingError(msg)
        check_masks(self.id, checked, self.n_epochs)
        return self._copy(signals=checked, steps=())

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
        """Restore what is read-only."""
        self.__dict__.update(state, _signals=MappingProxyType(state["_signals"]))
        if self.hypnogram is not None:
            self.hypnogram.flags.writeable = False

    def __repr__(self) -> str:
        """Name the night, its length and its modalities."""
        names = ", ".join(self.modalities) or "no modality"
        pending = f", {len(self._steps)} steps pending" if self._steps else ""
        return (
            f"Recording({self.id!r} of {self.subject!r}: {self.n_epochs} epochs of "
            f"{self.epoch_duration:g} s, {names}{pending})"
        )
