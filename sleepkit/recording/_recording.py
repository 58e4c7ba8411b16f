"""One night of one subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import joblib
import numpy as np
from joblib import Parallel, delayed

from sleepkit._typing import IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._signal import Layout, Signal
from sleepkit.recording._step import Step
from sleepkit.recording._store import Store
from sleepkit.recording._store_index import write_index
from sleepkit.utils import check_epoch_duration, check_stages, progress_bar

_Result = TypeVar("_Result")
_REPLACEABLE = (
    "id",
    "subject",
    "hypnogram",
    "start",
    "lights_off",
    "lights_on",
    "info",
)


class Recording:
    """One night of one subject: signals by modality and, perhaps, a hypnogram.

    Parameters
    ----------
    id : str
        Identifier of the night, unique in a cohort.
    subject : str
        Identifier of the subject, prefixed by the cohort (``"shhs:200001"``).
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
    info : mapping of str to object, default=None
        What else is known of the night, read-only: ``"age"`` in years and ``"sex"``
        (``"F"`` or ``"M"``) where the cohort publishes them. No estimator reads it.

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
        info: Mapping[str, Any] | None = None,
    ) -> None:
        self.id = str(id)
        self.subject = str(subject)
        self.epoch_duration = check_epoch_duration(
            hypnogram, epoch_duration, owner="Recording"
        )
        self.start = start
        self.lights_off = lights_off
        self.lights_on = lights_on
        self.info = MappingProxyType(dict(info or {}))
        self.hypnogram = None if hypnogram is None else _as_stages(hypnogram)
        self._signals = MappingProxyType(_check_signals(signals))
        lengths = {name: s.n_epochs(self.epoch_duration) for name, s in signals.items()}
        self.n_epochs = _count_epochs(self.id, lengths, self.hypnogram)
        _check_masks(self.id, self._signals, self.n_epochs)
        self._steps: tuple[Step | Store, ...] = ()
        self._fingerprint: str | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, known without computing."""
        return tuple(self.layout)

    @property
    def layout(self) -> Layout:
        """Modalities and their numbers of features, known without computing.

        The number is None for samples, for spectra, and where a pending step does not
        announce it.
        """
        layout: Layout = {name: s.n_features for name, s in self._signals.items()}
        for step in self._steps:
            layout = step.layout(layout)
        return layout

    @property
    def signals(self) -> Mapping[str, Signal]:
        """Signals by modality; pending steps are run at each call (see `compute`)."""
        return self.compute()._signals

    @property
    def sources(self) -> Mapping[str, Signal]:
        """Signals by modality, before all pending steps."""
        return self._signals

    @property
    def pending(self) -> tuple[str, ...]:
        """Names of the pending steps, stores that round no value left out."""
        return tuple(str(s) for s in self._steps if s.fingerprint is not None)

    @property
    def is_computed(self) -> bool:
        """Whether no step is pending."""
        return not self._steps

    @property
    def is_in_memory_or_stored(self) -> bool:
        """Whether the values are in memory or mapped, or a store has them mapped."""
        kept = all(s.is_loaded or s.is_mapped for s in self._signals.values())
        for step in self._steps:
            kept = step.is_in_memory_or_stored(before=kept)
        return kept

    @property
    def fingerprint(self) -> str:
        """Text that changes whenever the content, computed or pending, does."""
        if self._fingerprint is None:
            parts = [self.id, self.subject, self.n_epochs, self.epoch_duration]
            parts += [str(self.start), self.lights_off, self.lights_on]
            parts += [None if self.hypnogram is None else self.hypnogram.tobytes()]
            parts += [(name, s.fingerprint) for name, s in self._signals.items()]
            parts += [s.fingerprint for s in self._steps if s.fingerprint is not None]
            parts += [dict(self.info)] if self.info else []
            self._fingerprint = str(joblib.hash(parts))
        return self._fingerprint

    def map(self, step: Callable[[Recording], Recording] | Step) -> Recording:
        """Note a step, which runs when the signals are read.

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
            If the step has no name by which workers and stores can find it.
        """
        return self._with_steps(step if isinstance(step, Step) else Step(step))

    def cached(self, directory: str, dtype: str = "float32") -> Recording:
        """Keep the result of the steps so far in a store.

        Parameters
        ----------
        directory : str
            Folder of the store.
        dtype : {"float32", "float16"}, default="float32"
            Type of the stored values, see `Store`.

        Returns
        -------
        Recording
            A recording that is computed at the first access, and read from then on.
        """
        store = Store(str(Path(directory).resolve()), dtype)
        for step in reversed(self._steps):
            if step == store:
                return self  # a second time would wait for its own lock
            if step.fingerprint is not None:
                break
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
        *before, last = self._steps
        return self.with_signals(last.run(self._copy(steps=tuple(before))))

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
        """Copy of the recording with other metadata.

        Parameters
        ----------
        **changes : object
            New values of `id`, `subject`, `hypnogram`, `start`, `lights_off`,
            `lights_on` or `info`.

        Returns
        -------
        Recording
            The changed copy; signals and pending steps are shared.

        Raises
        ------
        TypeError
            If another parameter is named.
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
            changes["hypnogram"] = _as_stages(changes["hypnogram"])
            if len(changes["hypnogram"]) != self.n_epochs:
                msg = (
                    f"Recording {self.id!r} has {self.n_epochs} epochs, but its new "
                    f"hypnogram has {len(changes['hypnogram'])}."
                )
                raise RecordingError(msg)
        if "info" in changes:
            changes["info"] = MappingProxyType(dict(changes["info"] or {}))
        copy = self._copy(steps=self._steps)
        copy.__dict__.update(changes)
        return copy

    def with_signals(self, signals: Mapping[str, Signal]) -> Recording:
        """Copy of the recording with other signals.

        Parameters
        ----------
        signals : mapping of str to Signal
            The new signals by modality.

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
        _check_masks(self.id, checked, self.n_epochs)
        return self._copy(signals=checked, steps=())

    def _with_steps(self, *steps: Step | Store) -> Recording:
        """Copy of the recording with steps appended."""
        return self._copy(steps=(*self._steps, *steps))

    def _copy(
        self,
        *,
        signals: Mapping[str, Signal] | None = None,
        steps: tuple[Step | Store, ...],
    ) -> Recording:
        """Copy of the recording that shares everything else."""
        copy = object.__new__(Recording)
        copy.__dict__.update(self.__dict__)
        copy._fingerprint = None
        copy._steps = steps
        if signals is not None:
            copy._signals = MappingProxyType(dict(signals))
        return copy

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the fingerprint, which must not change the pickle's hash."""
        state = {**self.__dict__, "_signals": dict(self._signals)}
        return state | {"info": dict(self.info), "_fingerprint": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the parts, read-only again."""
        for name in ("_signals", "info"):
            state[name] = MappingProxyType(state[name])
        self.__dict__.update(state)
        if self.hypnogram is not None:
            self.hypnogram.flags.writeable = False

    def __repr__(self) -> str:
        """Show the night, its length and its modalities."""
        names = ", ".join(self.modalities) or "no modality"
        pending = f", {len(self._steps)} steps pending" if self._steps else ""
        return (
            f"Recording({self.id!r} of {self.subject!r}: {self.n_epochs} epochs of "
            f"{self.epoch_duration:g} s, {names}{pending})"
        )

    def _repr_html_(self) -> str:
        """Show modalities and hypnogram in a notebook; no signal is read."""
        from sleepkit.recording._tables import recording_html

        return recording_html(self)


def materialize(
    recordings: Iterable[Recording],
    directory: str | PathLike[str] | None,
    n_jobs: int | None,
    *,
    dtype: str,
    verbose: bool,
) -> list[Recording]:
    """Compute recordings into memory (by threads) or into a store (by processes)."""
    if directory is None:
        if dtype != "float32":
            msg = f"dtype={dtype!r} of materialize needs the folder of a store."
            raise ValueError(msg)
        return run_all(Recording.load, list(recordings), n_jobs, "threads", verbose)
    stored = [recording.cached(str(directory), dtype) for recording in recordings]
    write_index(Store(str(Path(directory).resolve()), dtype), stored, keep=True)
    computed = run_all(Recording.compute, stored, n_jobs, None, verbose)
    return [r.with_signals(c.signals) for r, c in zip(stored, computed, strict=True)]


def run_all(
    function: Callable[[Recording], _Result],
    recordings: list[Recording],
    n_jobs: int | None,
    prefer: str | None,
    verbose: bool,
) -> list[_Result]:
    """Run a function on every recording, with a progress bar if verbose."""
    # Not every backend can hand over results one by one, as a bar needs them.
    as_they_come = "generator" if verbose else "list"
    parallel = Parallel(n_jobs=n_jobs, prefer=prefer, return_as=as_they_come)
    computed = parallel(delayed(function)(recording) for recording in recordings)
    total = len(recordings)
    return list(
        progress_bar(computed, "computing", total=total, unit="night", verbose=verbose)
    )


def _as_stages(hypnogram: Any) -> IntArray:
    """Check a hypnogram, and return a read-only copy."""
    stages = check_stages(
        "hypnogram", hypnogram, owner="Recording", error=RecordingError
    )
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


def _count_epochs(
    name: str, lengths: Mapping[str, int], hypnogram: IntArray | None
) -> int:
    """Count the epochs, on which hypnogram and signals must agree."""
    shortest = min(lengths.values(), default=0)
    if hypnogram is None:
        if shortest < 1:
            msg = (
                f"Recording {name!r} needs a hypnogram, or signals of at least one "
                f"epoch; its signals have {dict(lengths)} epochs."
            )
            raise RecordingError(msg)
        return shortest
    if lengths and shortest != len(hypnogram):
        msg = (
            f"The hypnogram of recording {name!r} has {len(hypnogram)} epochs, "
            f"but its signals have {dict(lengths)}."
        )
        raise RecordingError(msg)
    return len(hypnogram)


def _check_masks(name: str, signals: Mapping[str, Signal], n_epochs: int) -> None:
    """Require masks that reach the last epoch."""
    for modality, signal in signals.items():
        if signal.valid is not None and len(signal.valid) < n_epochs:
            msg = (
                f"Recording {name!r} has {n_epochs} epochs, but 'valid' of its "
                f"{modality!r} signal has only {len(signal.valid)}."
            )
            raise RecordingError(msg)
