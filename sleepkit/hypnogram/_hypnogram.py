"""Hypnogram: the stage of each epoch, and the time of the first one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import Array, FloatArray, IntArray
from sleepkit.exceptions import HypnogramError, SleepkitWarning
from sleepkit.hypnogram._fields import (
    check_grid,
    check_kind,
    check_onset,
    copy_probabilities,
    is_equal,
    seconds_after,
)
from sleepkit.hypnogram._stage_sets import LABELS, UNSCORED_NAME, merging_matrix
from sleepkit.utils import check_option, check_positive, check_stages

if TYPE_CHECKING:
    from sleepkit.metrics import SleepCycle
    from sleepkit.plotting import HypnogramDisplay

_SAME_TIME: Final = 1e-3  # seconds


@dataclass(frozen=True, eq=False, repr=False)
class Hypnogram:
    """Sleep stages on an epoch grid, with the time of the first epoch.

    ``np.asarray(hypnogram)`` returns the stages. Two hypnograms are equal if all their
    fields are. ``dataclasses.replace(hypnogram, scorer="A")`` changes a field.

    A time is a number of seconds from the start of the file, as `onset`, or a datetime
    where `start` is known.

    Parameters
    ----------
    stages : array-like of int, shape (n_epochs,)
        Stage codes 0 W, 1 N1, 2 N2, 3 N3, 4 REM, and -1 unscored; or places in `labels`
        where `n_stages` is not 5.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    onset : float, default=0.0
        Seconds from the start of the file to the first epoch; negative if scoring
        begins before the file.
    start : datetime, default=None
        Start of the file by its header; None if unknown.
    probabilities : array-like of shape (n_epochs, n_stages), default=None
        Probability of each stage (the hypnodensity); NaN in epochs that have none.
    scorer : str, default=None
        Name of the expert or of the software; None if unknown.
    n_stages : {5, 4, 3, 2}, default=5
        Number of stages: below 5, `merge` has merged them.

    Raises
    ------
    HypnogramError
        If `stages` are not stage codes, or another field does not fit them.

    See Also
    --------
    sleepkit.io.read_hypnogram : Read a hypnogram from a file.
    sleepkit.io.write_hypnogram : Write a hypnogram to a file.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.hypnogram import Hypnogram
    >>> hypnogram = Hypnogram([0, 0, 1, 2, 2, 4, -1], scorer="A")
    >>> hypnogram
    <Hypnogram: 7 epochs of 30 s, scored by A: 2 W, 1 N1, 2 N2, 0 N3, 1 REM, 1 unscored>
    >>> np.asarray(hypnogram)
    array([ 0,  0,  1,  2,  2,  4, -1], dtype=int8)
    >>> hypnogram.merge(3).names.tolist()
    ['W', 'W', 'NREM', 'NREM', 'NREM', 'REM', 'n/a']
    """

    stages: IntArray
    epoch_duration: float = 30.0
    onset: float = 0.0
    start: datetime | None = None
    probabilities: FloatArray | None = None
    scorer: str | None = None
    n_stages: int = 5

    def __post_init__(self) -> None:
        """Validate the fields, and make the arrays read-only."""
        owner = "Hypnogram"
        check_option("n_stages", self.n_stages, LABELS, owner=owner)
        if isinstance(self.stages, Hypnogram):
            msg = "stages must be codes; dataclasses.replace() copies a Hypnogram."
            raise HypnogramError(msg)
        stages = check_stages(
            "stages", self.stages, owner=owner, empty=True, error=HypnogramError
        )
        if stages.max(initial=UNSCORED) >= self.n_stages:
            legend = ", ".join(f"{i} {label}" for i, label in enumerate(self.labels))
            msg = f"stages must be codes of {legend}; got {stages.max()}."
            raise HypnogramError(msg)
        duration = check_positive("epoch_duration", self.epoch_duration, owner=owner)
        self._set("stages", stages.astype(np.int8))
        self._set("epoch_duration", duration)
        self._set("onset", check_onset(self.onset))
        check_kind("start", self.start, datetime)
        check_kind("scorer", self.scorer, str)
        if self.probabilities is not None:
            shape = len(stages), self.n_stages
            self._set("probabilities", copy_probabilities(self.probabilities, shape))

    def _set(self, name: str, value: Any) -> None:
        """Store a field; an array becomes read-only."""
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.stages)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.stages, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hypnogram):
            return NotImplemented
        names = [field.name for field in fields(self)]
        return all(is_equal(getattr(self, n), getattr(other, n)) for n in names)

    def __repr__(self) -> str:
        from sleepkit.hypnogram._summary import summarize

        return f"<Hypnogram: {summarize(self)}>"

    def _repr_html_(self) -> str:
        from sleepkit.hypnogram._summary import render_html

        return render_html(self)

    # ------------------------------------------------------------------ what it holds

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
        return len(self.stages)

    @property
    def duration(self) -> float:
        """Seconds from the first epoch to the end of the last."""
        return self.n_epochs * self.epoch_duration

    @property
    def times(self) -> FloatArray:
        """Onset of each epoch in seconds from the start of the file."""
        return self.onset + np.arange(self.n_epochs) * self.epoch_duration

    @property
    def first_epoch_start(self) -> datetime | None:
        """Date and time of the first epoch; None where `start` is unknown."""
        if self.start is None:
            return None
        return self.start + timedelta(seconds=self.onset)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the stages, in the order of their codes."""
        return LABELS[self.n_stages]

    @property
    def names(self) -> Array:
        """Name of the stage of each epoch, ``"n/a"`` where unscored."""
        return np.array([*self.labels, UNSCORED_NAME])[self.stages]

    # ---------------------------------------------------------------- other epochs

    def crop(
        self, start: float | datetime | None = None, end: float | datetime | None = None
    ) -> Self:
        """Select the epochs between two times.

        Parameters
        ----------
        start : float or datetime, default=None
            Seconds from the start of the file, or a datetime. None is the first epoch.
        end : float or datetime, default=None
            The same for the end. None is the last epoch.

        Returns
        -------
        Hypnogram
            Epochs whose middle lies between `start` and `end`, as for lights off and on
            in sleep statistics. The start of the file stays, and `onset` grows.

        Raises
        ------
        HypnogramError
            If no epoch lies between them, or a datetime is given and the start of the
            file is unknown.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> part = Hypnogram([0, 1, 2, 3, 4]).crop(30, 120)
        >>> part.stages, part.onset
        (array([1, 2, 3], dtype=int8), 30.0)
        """
        middles = self.times + self.epoch_duration / 2
        first = seconds_after(self.start, "start", start)
        last = seconds_after(self.start, "end", end)
        inside = np.ones(len(self), dtype=bool)
        inside &= True if first is None else first <= middles
        inside &= True if last is None else middles < last
        kept = np.flatnonzero(inside)
        if not len(kept):
            msg = (
                f"crop needs an epoch between start={start} and end={end}; the epochs "
                f"last from {self.onset:g} to {self.onset + self.duration:g} s."
            )
            raise HypnogramError(msg)
        probabilities = self.probabilities
        return replace(
            self,
            stages=self.stages[kept],
            onset=float(self.times[kept[0]]),
            probabilities=None if probabilities is None else probabilities[kept],
        )

    def align_to(self, other: Any) -> Self:
        """Put the stages on the epoch grid of another hypnogram or of a recording.

        Parameters
        ----------
        other : Hypnogram or Recording
            The grid: epoch duration, number of epochs, and start. Stages of `other` are
            not used.

        Returns
        -------
        Hypnogram
            As many epochs as `other`: of each the stage that covers most of it, and the
            mean probabilities. Epochs of which less than half is scored are unscored.

        Raises
        ------
        HypnogramError
            If the two do not overlap.

        Warns
        -----
        SleepkitWarning
            If scored epochs lie outside the grid; they are left out.

        Notes
        -----
        Where both starts are known, the two are placed by their time of day; dates do
        not count, since they are often removed from one of two files, nor do
        differences below 1 s. Otherwise onsets count from the start of one file.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> other = Hypnogram([0] * 6, onset=30)
        >>> Hypnogram([2, 3, 4], onset=60).align_to(other).names.tolist()
        ['n/a', 'N2', 'N3', 'REM', 'n/a', 'n/a']
        """
        from sleepkit.hypnogram import _grid

        check_grid("align_to", other)
        grid = other.n_epochs, other.epoch_duration
        edges = self._offset(other) + np.arange(len(self) + 1) * self.epoch_duration
        self._warn_outside(edges, other)
        probabilities = self.probabilities
        if probabilities is not None:
            probabilities = _grid.probabilities_on_grid(edges, probabilities, *grid)
        return replace(
            self,
            stages=_grid.stages_on_grid(edges, self.stages, *grid),
            epoch_duration=other.epoch_duration,
            onset=getattr(other, "onset", 0.0),
            start=self.start if other.start is None else other.start,
            probabilities=probabilities,
        )

    def merge(self, n_stages: int) -> Self:
        """Merge stages.

        Parameters
        ----------
        n_stages : {4, 3, 2}
            Number of stages to merge to: 4 (W, Light = N1 + N2, Deep = N3, REM),
            3 (W, NREM, REM) or 2 (W, Sleep).

        Returns
        -------
        Hypnogram
            The merged stages with the codes 0, 1, ... in the order of `labels`. Their
            probabilities are summed; the stages are not chosen anew by these.

        Raises
        ------
        ValueError
            If `n_stages` is not below the number of stages.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> light = Hypnogram([0, 1, 2, 3, 4, -1]).merge(4)
        >>> light.stages, light.labels
        (array([ 0,  1,  1,  2,  3, -1], dtype=int8), ('W', 'Light', 'Deep', 'REM'))
        """
        smaller = [number for number in LABELS if number < self.n_stages]
        check_option("n_stages", n_stages, smaller, owner="Hypnogram.merge")
        matrix = merging_matrix(self.n_stages, n_stages)
        codes = np.append(matrix.argmax(axis=1), UNSCORED)  # UNSCORED is -1, the last
        probabilities = self.probabilities
        return replace(
            self,
            stages=codes[self.stages],
            probabilities=None if probabilities is None else probabilities @ matrix,
            n_stages=n_stages,
        )

    # ---------------------------------------------------------- what it is described by

    def agreement(self, other: Any) -> dict[str, float]:
        """Score the agreement with another scoring of the same epochs.

        Parameters
        ----------
        other : Hypnogram or array-like of int, shape (n_epochs,)
            The other scoring, on the same epochs.

        Returns
        -------
        dict of str to float
            ``n_epochs``, the number of epochs scored in both, and over these the
            ``accuracy``, Cohen's ``kappa``, ``f1_macro`` and the F1 of each stage, such
            as ``f1_N2``; see `sleepkit.metrics.staging_scores`.

        Raises
        ------
        HypnogramError
            If the epochs are not the same, or none is scored in both.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> scores = Hypnogram([0, 1, 2, 2, -1]).agreement([0, 2, 2, 2, 2])
        >>> scores["n_epochs"], scores["accuracy"]
        (4, 0.75)
        """
        from sleepkit.metrics import staging_scores

        other = self._same_grid("agreement", other)
        both = (self.stages != UNSCORED) & (other.stages != UNSCORED)
        if not both.any():
            msg = "agreement needs an epoch that is scored in both; got none."
            raise HypnogramError(msg)
        scores = list(staging_scores(self.stages[both], other.stages[both]).items())
        names = [name for name, _ in scores[:3]] + [f"f1_{s}" for s in self.labels]
        values = [value for _, value in scores[: len(names)]]
        return {"n_epochs": int(both.sum()), **dict(zip(names, values, strict=True))}

    def statistics(
        self,
        *,
        lights_off: float | datetime | None = None,
        lights_on: float | datetime | None = None,
    ) -> dict[str, float]:
        """Compute the sleep statistics.

        Parameters
        ----------
        lights_off : float or datetime, default=None
            Seconds from the start of the file, or a datetime. None is the first epoch.
        lights_on : float or datetime, default=None
            The same for the end. None is the last epoch.

        Returns
        -------
        dict of str to float
            See `sleepkit.metrics.sleep_statistics`.

        Raises
        ------
        ValueError
            If stages are merged, or no epoch lies between lights off and on.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> found = Hypnogram([0, 0, 1, 2, 2, 0, 4, 4]).statistics(lights_off=30)
        >>> found["TIB"], found["SOL"], found["TST"]
        (3.5, 0.5, 2.5)
        """
        from sleepkit.metrics import sleep_statistics

        return sleep_statistics(
            self,
            lights_off=seconds_after(self.start, "lights_off", lights_off),
            lights_on=seconds_after(self.start, "lights_on", lights_on),
        )

    def transitions(self) -> tuple[IntArray, FloatArray]:
        """Count the transitions between stages of consecutive epochs.

        Returns
        -------
        counts : ndarray of int, shape (n_stages, n_stages)
            Number of transitions from the stage of the row to that of the column.
        probabilities : ndarray of float64, shape (n_stages, n_stages)
            Counts divided by the sum of their row; NaN for a stage that none follows.

        See Also
        --------
        sleepkit.metrics.stage_transitions : The same for an array.
        """
        from sleepkit.metrics import stage_transitions

        counts, probabilities = stage_transitions(self.stages)
        n = self.n_stages
        return counts[:n, :n], probabilities[:n, :n]

    def cycles(
        self, *, min_nrem: float = 900.0, min_rem: float = 300.0
    ) -> list[SleepCycle]:
        """Find the cycles of NREM and REM sleep.

        Parameters
        ----------
        min_nrem : float, default=900.0
            Seconds that a NREM episode lasts at least.
        min_rem : float, default=300.0
            Seconds that a REM period lasts at least, except the first.

        Returns
        -------
        list of SleepCycle
            Cycles in order, with times in seconds from the start of the file; see
            `sleepkit.metrics.sleep_cycles`.

        Raises
        ------
        ValueError
            If stages are merged, or a parameter is invalid.
        """
        from sleepkit.metrics import sleep_cycles

        return sleep_cycles(self, min_nrem=min_nrem, min_rem=min_rem)

    def plot(
        self, *, other: Any = None, ax: Any | Sequence[Any] | None = None
    ) -> HypnogramDisplay:
        """Draw the hypnogram, and the hypnodensity below it where there is one.

        Parameters
        ----------
        other : Hypnogram or array-like of int, shape (n_epochs,), default=None
            Another scoring of the same epochs, such as an expert's, drawn above as the
            reference.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes to draw in, one for each panel. None makes a figure.

        Returns
        -------
        sleepkit.plotting.HypnogramDisplay
            The display, with ``figure_`` and ``axes_``.

        Raises
        ------
        HypnogramError
            If the epochs or the stages of `other` are not the same.
        """
        from sleepkit.plotting import HypnogramDisplay

        return HypnogramDisplay.from_predictions(
            self,
            probabilities=self.probabilities,
            true=None if other is None else self._same_grid("plot", other),
            ax=ax,
        )

    # -------------------------------------------------------------------- other forms

    def to_frame(self) -> Any:
        """Convert to a pandas table with one row for each epoch.

        Returns
        -------
        pandas.DataFrame
            Columns ``epoch``, ``onset`` and ``duration`` (seconds), ``stage`` (a name)
            and, where known, ``clock_time``, ``scorer`` and the probabilities ``P_W``,
            ``P_N1`` and so on.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> Hypnogram([0, 2, -1]).to_frame()
           epoch  onset  duration stage
        0      0    0.0      30.0     W
        1      1   30.0      30.0    N2
        2      2   60.0      30.0   n/a
        """
        from sleepkit.hypnogram._columns import table_columns
        from sleepkit.utils import optional_import

        pandas = optional_import("pandas", extra="pandas")
        return pandas.DataFrame(table_columns(self))

    @classmethod
    def from_frame(cls, frame: Any, *, n_stages: int = 5) -> Self:
        """Convert from a table with the columns of `to_frame`.

        Parameters
        ----------
        frame : pandas.DataFrame
            A row for each epoch, one after the other; ``onset``, ``duration`` and
            ``stage`` are needed.
        n_stages : {5, 4, 3, 2}, default=5
            Number of stages, below 5 where they are merged.

        Returns
        -------
        Hypnogram
            The hypnogram.

        Raises
        ------
        HypnogramError
            If a column is missing or its values are not those of consecutive epochs.
        """
        from sleepkit.hypnogram._frame import fields_of_frame

        check_option("n_stages", n_stages, LABELS, owner="Hypnogram.from_frame")
        return cls(**fields_of_frame(frame, n_stages))

    def to_json(self) -> str:
        """Convert to JSON text with all fields, which `from_json` reads back equal.

        Returns
        -------
        str
            The text; `sleepkit.io.write_hypnogram` writes it to a file.
        """
        from sleepkit.hypnogram._json import dump_json

        return dump_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Convert from the text of `to_json`.

        Parameters
        ----------
        text : str
            The text itself, not the path of a file.

        Returns
        -------
        Hypnogram
            The hypnogram.

        Raises
        ------
        HypnogramError
            If the text is not of `to_json`, of another version, or damaged.

        Examples
        --------
        >>> from sleepkit.hypnogram import Hypnogram
        >>> hypnogram = Hypnogram([0, 2, -1], scorer="A")
        >>> Hypnogram.from_json(hypnogram.to_json()) == hypnogram
        True
        """
        from sleepkit.hypnogram._json import fields_of_json

        return cls(**fields_of_json(text))

    def to_mne(self) -> Any:
        """Convert to MNE annotations, one for each epoch.

        Returns
        -------
        mne.Annotations
            ``"Sleep stage W"``, ``N1``, ``N2``, ``N3``, ``R`` or ``?``, in seconds from
            the start of the file; that is their ``orig_time``, in UTC if it has no time
            zone.

        Raises
        ------
        ValueError
            If stages are merged.
        """
        from sleepkit.hypnogram._mne import make_annotations

        check_stages("stages", self, owner="Hypnogram.to_mne", empty=True)
        return make_annotations(self)

    @classmethod
    def from_mne(cls, annotations: Any, *, epoch_duration: float = 30.0) -> Self:
        """Convert from MNE annotations.

        Parameters
        ----------
        annotations : mne.Annotations
            Stages such as ``"Sleep stage W"``, ``"N2"`` or ``"REM"``, in the words of
            `sleepkit.io.read_hypnogram` and of any duration. Other annotations are
            events, and are left out.
        epoch_duration : float, default=30.0
            Length of an epoch in seconds.

        Returns
        -------
        Hypnogram
            The hypnogram from the first stage on. Its start is the ``orig_time``
            without time zone, as MNE keeps the local time.

        Raises
        ------
        HypnogramError
            If there is no stage, a "Sleep stage" is unknown or has no duration, or
            stages overlap.

        Warns
        -----
        SleepkitWarning
            If an annotation fills epochs without a stage and names none.
        """
        from sleepkit.hypnogram._mne import fields_of_annotations

        return cls(**fields_of_annotations(annotations, epoch_duration))

    def to_yasa(self) -> Any:
        """Convert to a hypnogram of YASA.

        Returns
        -------
        yasa.Hypnogram
            The same stages. It begins with the first epoch, not with the file. An epoch
            without probabilities has the probability 1 of being unscored.
        """
        from sleepkit.hypnogram._yasa import make_yasa

        return make_yasa(self)

    @classmethod
    def from_yasa(cls, hypnogram: Any) -> Self:
        """Convert from a hypnogram of YASA.

        Parameters
        ----------
        hypnogram : yasa.Hypnogram
            Of 2 to 5 stages; artefacts become unscored.

        Returns
        -------
        Hypnogram
            The same stages.
        """
        from sleepkit.hypnogram._yasa import fields_of_yasa

        return cls(**fields_of_yasa(hypnogram))

    # ------------------------------------------------------------------------- times

    def _offset(self, other: Any) -> float:
        """Seconds from the first epoch of another grid to the first one."""
        from sleepkit.hypnogram._grid import clock_difference

        onsets = self.onset - getattr(other, "onset", 0.0)
        return onsets + clock_difference(self.start, other.start)

    def _warn_outside(self, edges: FloatArray, other: Any) -> None:
        """Name the scored epochs that lie outside a grid; require one inside."""
        middles = edges[:-1] + self.epoch_duration / 2
        end = other.n_epochs * other.epoch_duration
        inside = (middles >= 0) & (middles < end)
        if not inside.any():
            msg = (
                f"align_to needs two that overlap: the {len(self)} epochs last from "
                f"{edges[0]:g} to {edges[-1]:g} s of the {end:g} s of the grid."
            )
            raise HypnogramError(msg)
        n_outside = int(((self.stages != UNSCORED) & ~inside).sum())
        if n_outside:
            msg = f"{n_outside} scored epochs outside the grid were left out."
            warnings.warn(msg, SleepkitWarning, stacklevel=3)

    def _same_grid(self, method: str, other: Any) -> Hypnogram:
        """Require the same epochs and stages; an array is taken to have them."""
        if isinstance(other, Hypnogram):
            scored = other
        else:
            scored = replace(self, stages=other, probabilities=None)
        if scored.n_stages != self.n_stages:
            msg = (
                f"{method} needs the same stages; got {self.n_stages} and "
                f"{scored.n_stages}: merge() the one to the other."
            )
            raise HypnogramError(msg)
        grids = [(h.n_epochs, h.epoch_duration) for h in (self, scored)]
        offset = self._offset(scored)
        if grids[0] != grids[1] or abs(offset) > _SAME_TIME:
            (n, duration), (other_n, other_duration) = grids
            msg = (
                f"{method} needs the same epochs; got {n} of {duration:g} s and "
                f"{other_n} of {other_duration:g} s, of which the first ones begin "
                f"{abs(offset):g} s apart: align_to() puts the one on the other's."
            )
            raise HypnogramError(msg)
        return scored
