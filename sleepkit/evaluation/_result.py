"""What an evaluation found: predictions, scores, and how they came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import Array
from sleepkit.evaluation._conditions import ALL
from sleepkit.evaluation._parts import Part, Table
from sleepkit.evaluation._write import draw_scores, write_result
from sleepkit.metrics import (
    StagingComparison,
    bootstrap_scores,
    compare_stagings,
    staging_scores,
    staging_scores_by,
)
from sleepkit.utils import check_option


class StagingResult:
    """Predictions of `cross_validate_staging`, and what they are worth.

    Tables are dicts of columns of one length, ready for ``pandas.DataFrame``.

    Parameters
    ----------
    parts : sequence of Part
        What each estimator made of each fold under each condition.
    rows : mapping of str to ndarray of shape (n_rows,)
        Subject, recording, epoch and true stage of each row of X.
    protocol : dict
        How the figures came about, as JSON can say it: data, scoring window, splits,
        conditions, parameters, seeds, versions, seconds.

    Attributes
    ----------
    estimators : list of str
        Names of the estimators.
    conditions : list of str
        Names of the conditions: ``"all"``, subsets such as ``"eeg+eog"``, corruptions.

    See Also
    --------
    cross_validate_staging : Makes one.

    Examples
    --------
    See `cross_validate_staging`.

    >>> from sleepkit.evaluation import StagingResult
    """

    def __init__(
        self, parts: Sequence[Part], rows: Mapping[str, Array], protocol: dict[str, Any]
    ) -> None:
        self._parts = list(parts)
        self._rows = dict(rows)
        self.protocol = protocol
        self.estimators = list(dict.fromkeys(part.estimator for part in parts))
        self.conditions = list(dict.fromkeys(part.condition for part in parts))

    def predictions(
        self, estimator: str | None = None, condition: str | None = None
    ) -> Table:
        """List what was predicted, epoch by epoch.

        Parameters
        ----------
        estimator : str, default=None
            Name of one estimator; None lists all.
        condition : str, default=None
            Name of one condition; None lists all.

        Returns
        -------
        dict of str to ndarray
            Columns ``estimator``, ``condition``, ``fold``, ``subject``, ``recording``,
            ``epoch``, ``true``, ``predicted`` (-1: nothing was left to stage by), and
            ``p_W`` to ``p_REM`` (NaN there, and of estimators without probabilities).
            Where there are probabilities, the most probable stage is predicted.
        """
        parts = self._chosen(estimator, condition)
        rows = np.concatenate([part.rows for part in parts])
        counts = [len(part.rows) for part in parts]
        proba = np.concatenate([part.proba for part in parts])
        return {
            **{
                name: np.repeat([getattr(part, name) for part in parts], counts)
                for name in ("estimator", "condition", "fold")
            },
            **{name: column[rows] for name, column in self._rows.items()},
            "predicted": np.concatenate([part.stages for part in parts]),
            **{f"p_{stage}": proba[:, i] for i, stage in enumerate(STAGES)},
        }

    def scores(self, by: str | None = None) -> Table:
        """Score each estimator under each condition.

        Parameters
        ----------
        by : {"subject", "recording", "fold"}, default=None
            Give a row to each of these; None pools all epochs.

        Returns
        -------
        dict of str to list
            Columns ``estimator``, ``condition``, the one asked for, ``n_epochs`` and
            the scores of `sleepkit.metrics.staging_scores`.
        """
        table: Table = {}
        for estimator, condition, staged in self._each():
            if by is None:
                scores = staging_scores(staged["true"], staged["predicted"])
                columns: Table = {"n_epochs": [len(staged["true"])]}
                columns |= {name: [score] for name, score in scores.items()}
            else:
                options = ["subject", "recording", "fold"]
                group = staged[check_option("by", by, options, owner="scores")]
                found = staging_scores_by(staged["true"], staged["predicted"], group)
                columns = {name: column.tolist() for name, column in found.items()}
                columns = {by: columns.pop("group"), **columns}
            n = len(columns["n_epochs"])
            names = {"estimator": [estimator] * n, "condition": [condition] * n}
            for name, column in (names | columns).items():
                table.setdefault(name, []).extend(column)
        return table

    def intervals(
        self,
        *,
        level: float = 0.95,
        n_resamples: int = 1000,
        random_state: int | None = 0,
    ) -> Table:
        """Give each pooled score its interval, by a bootstrap over subjects.

        Parameters
        ----------
        level : float, default=0.95
            Share of the resamples that the interval holds.
        n_resamples : int, default=1000
            Number of resamples.
        random_state : int or None, default=0
            Seed of the resamples.

        Returns
        -------
        dict of str to list
            Columns ``estimator``, ``condition``, ``metric``, ``value``, ``low`` and
            ``high``. The last two are NaN where only one subject could be staged.
        """
        names = ("estimator", "condition", "metric", "value", "low", "high")
        table: Table = {name: [] for name in names}
        for estimator, condition, staged in self._each():
            pair = (staged["true"], staged["predicted"])
            bounds: dict[str, tuple[float, float]] = {}
            if len(np.unique(staged["subject"])) > 1:
                bounds = bootstrap_scores(
                    *pair,
                    staged["subject"],
                    level=level,
                    n_resamples=n_resamples,
                    random_state=random_state,
                )
            for metric, value in staging_scores(*pair).items():
                ends = bounds.get(metric, (np.nan, np.nan))
                row = (estimator, condition, metric, value, *ends)
                for name, cell in zip(names, row, strict=True):
                    table[name].append(cell)
        return table

    def compare(
        self,
        first: str | tuple[str, str],
        second: str | tuple[str, str],
        *,
        metric: str = "kappa",
        n_resamples: int = 1000,
        random_state: int | None = 0,
    ) -> StagingComparison:
        """Compare two stagings of the same epochs, paired by subject.

        Parameters
        ----------
        first : str or (str, str)
            Name of an estimator, or of an estimator and a condition.
        second : str or (str, str)
            Another one.
        metric : str, default="kappa"
            What to compare: one of the scores of `sleepkit.metrics.staging_scores`.
        n_resamples : int, default=1000
            Number of resamples of the subjects.
        random_state : int or None, default=0
            Seed of the resamples.

        Returns
        -------
        sleepkit.metrics.StagingComparison
            Differences, first minus second, of the epochs that both have staged.
        """
        one, other = (
            self.predictions(*((name, ALL) if isinstance(name, str) else name))
            for name in (first, second)
        )
        both = (one["predicted"] != UNSCORED) & (other["predicted"] != UNSCORED)
        return compare_stagings(
            one["true"][both],
            one["predicted"][both],
            other["predicted"][both],
            one["subject"][both],
            metric=metric,
            n_resamples=n_resamples,
            random_state=random_state,
        )

    def save(self, directory: str | PathLike[str]) -> list[Path]:
        """Write scores, predictions and protocol.

        Parameters
        ----------
        directory : path-like
            The folder; made if need be.

        Returns
        -------
        list of Path
            ``scores.csv``, ``predictions.npz`` (the table, for ``numpy.load``) and
            ``protocol.json``.
        """
        return write_result(
            Path(directory), self.scores(), self.predictions(), self.protocol
        )

    def __str__(self) -> str:
        """Draw the pooled scores as a table, with what was scored."""
        tested = np.unique(np.concatenate([part.rows for part in self._parts]))
        n_nights, n_people = (
            len(np.unique(self._rows[name][tested]))
            for name in ("recording", "subject")
        )
        nights = "1 night" if n_nights == 1 else f"{n_nights} nights"
        people = "1 person" if n_people == 1 else f"{n_people} people"
        return (
            f"{draw_scores(self.scores())}\n"
            f"Scored: {self.protocol['scoring_window']}, of {nights} of {people}."
        )

    def _chosen(self, estimator: str | None, condition: str | None) -> list[Part]:
        """Find the parts of an estimator and a condition."""
        for name, value in (("estimator", estimator), ("condition", condition)):
            if value is not None:
                options = getattr(self, f"{name}s")
                check_option(name, value, options, owner="StagingResult")
        return [
            part
            for part in self._parts
            if estimator in (None, part.estimator)
            and condition in (None, part.condition)
        ]

    def _each(self) -> Iterator[tuple[str, str, Table]]:
        """Go through estimators and conditions, with the epochs that were staged."""
        for estimator in self.estimators:
            for condition in self.conditions:
                table = self.predictions(estimator, condition)
                staged = table["predicted"] != UNSCORED
                if staged.any():
                    kept = {name: column[staged] for name, column in table.items()}
                    yield estimator, condition, kept
