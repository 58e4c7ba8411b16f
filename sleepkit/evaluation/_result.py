"""Result of an evaluation: predictions, scores, comparisons and files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit._typing import Array
from sleepkit.evaluation._conditions import ALL
from sleepkit.evaluation._confusion_svg import confusion_svg
from sleepkit.evaluation._fold import FoldPrediction
from sleepkit.metrics import (
    StagingComparison,
    bootstrap_scores,
    compare_stagings,
    staging_scores,
    staging_scores_by,
)
from sleepkit.utils import (
    check_option,
    html_table,
    optional_import,
    write_atomically,
)

Table: TypeAlias = dict[str, Any]
_COLUMNS: Final = {  # titles of what is shown, and their names in the scores
    "stager": "estimator",
    "condition": "condition",
    "accuracy": "accuracy",
    "kappa": "kappa",
    "macro-F1": "f1_macro",
    "epochs": "n_epochs",
}


class StagingResult:
    """Predictions, scores and protocol of an evaluation.

    `cross_validate_staging` and `evaluate_staging` return it. Tables are dicts of
    columns of one length, ready for ``pandas.DataFrame``.

    Parameters
    ----------
    fold_predictions : sequence of FoldPrediction
        Predictions of each estimator on each fold.
    rows : mapping of str to ndarray of shape (n_rows,)
        Subject, recording, epoch and true stage of each row of X.
    protocol : dict
        Data, scoring window, splits, conditions, parameters, seeds, versions and
        seconds of the run, as JSON values.

    Attributes
    ----------
    estimators : list of str
        Names of the estimators.
    conditions : list of str
        Names of the conditions: ``"all"``, subsets such as ``"eeg+eog"``, corruptions.

    See Also
    --------
    cross_validate_staging : Fit and score on folds by subject.
    evaluate_staging : Score fitted estimators.
    """

    def __init__(
        self,
        fold_predictions: Sequence[FoldPrediction],
        rows: Mapping[str, Array],
        protocol: dict[str, Any],
    ) -> None:
        self._folds = list(fold_predictions)
        self._rows = dict(rows)
        self.protocol = protocol
        self.estimators = list(dict.fromkeys(fold.estimator for fold in self._folds))
        self.conditions = list(
            dict.fromkeys(name for fold in self._folds for name in fold.stages)
        )

    def predictions(
        self, estimator: str | None = None, condition: str | None = None
    ) -> Table:
        """Return the prediction of each epoch.

        Parameters
        ----------
        estimator : str, default=None
            Name of one estimator; None returns all.
        condition : str, default=None
            Name of one condition; None returns all.

        Returns
        -------
        dict of str to ndarray
            Columns ``estimator``, ``condition``, ``fold``, ``subject``, ``recording``,
            ``epoch``, ``true``, ``predicted`` (-1 where no modality was left), and
            ``p_W`` to ``p_REM`` (NaN there, and for estimators without
            probabilities). Where there are probabilities, the most probable stage is
            predicted.
        """
        chosen = self._choose(estimator, condition)
        counts = [len(fold.rows) for fold, _ in chosen]
        rows = np.concatenate([fold.rows for fold, _ in chosen])
        proba = np.concatenate([fold.proba[name] for fold, name in chosen])
        return {
            "estimator": np.repeat([fold.estimator for fold, _ in chosen], counts),
            "condition": np.repeat([name for _, name in chosen], counts),
            "fold": np.repeat([fold.fold for fold, _ in chosen], counts),
            **{name: column[rows] for name, column in self._rows.items()},
            "predicted": np.concatenate([fold.stages[name] for fold, name in chosen]),
            **{f"p_{stage}": proba[:, i] for i, stage in enumerate(STAGES)},
        }

    def scores(self, by: str | None = None) -> Table:
        """Score each estimator under each condition.

        Parameters
        ----------
        by : {"subject", "recording", "fold"}, default=None
            Score each subject, recording or fold in a row of its own; None pools all
            epochs.

        Returns
        -------
        dict of str to list
            Columns ``estimator``, ``condition``, the value of `by` where it is given,
            ``n_epochs`` and the scores of `sleepkit.metrics.staging_scores`.
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
        """Estimate an interval for each pooled score, by a bootstrap over subjects.

        Parameters
        ----------
        level : float, default=0.95
            Share of the resamples that lies inside the interval.
        n_resamples : int, default=1000
            Number of resamples.
        random_state : int or None, default=0
            Seed of the resamples.

        Returns
        -------
        dict of str to list
            Columns ``estimator``, ``condition``, ``metric``, ``value``, ``low`` and
            ``high``. The last two are NaN where only one subject has predictions.
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
        """Compare two predictions of the same epochs, paired by subject.

        Parameters
        ----------
        first : str or (str, str)
            Name of an estimator, or of an estimator and a condition.
        second : str or (str, str)
            Another one.
        metric : str, default="kappa"
            Score to compare: one of `sleepkit.metrics.staging_scores`.
        n_resamples : int, default=1000
            Number of resamples of the subjects.
        random_state : int or None, default=0
            Seed of the resamples.

        Returns
        -------
        sleepkit.metrics.StagingComparison
            Differences, first minus second, over the epochs that both predict.
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

    def to_frame(self, by: str | None = None) -> Any:
        """Convert the scores to a pandas table.

        Parameters
        ----------
        by : {"subject", "recording", "fold"}, default=None
            As in `scores`.

        Returns
        -------
        pandas.DataFrame
            The table of `scores`.
        """
        pandas = optional_import("pandas", extra="pandas")
        return pandas.DataFrame(self.scores(by))

    def save(self, directory: str | PathLike[str]) -> list[Path]:
        """Write scores, predictions and protocol.

        Parameters
        ----------
        directory : path-like
            Folder to write to; created where it does not exist.

        Returns
        -------
        list of Path
            ``scores.csv``, ``predictions.npz`` (the table, for ``numpy.load``) and
            ``protocol.json``.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        scores, text, archive = self.scores(), StringIO(), BytesIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([list(scores), *zip(*scores.values(), strict=True)])
        np.savez_compressed(archive, **self.predictions())
        protocol = json.dumps(self.protocol, indent=1, allow_nan=False)
        contents = {
            "scores.csv": text.getvalue().encode(),
            "predictions.npz": archive.getvalue(),
            "protocol.json": protocol.encode(),
        }
        for name, content in contents.items():
            write_atomically(folder / name, content)
        return [folder / name for name in contents]

    def __str__(self) -> str:
        """Format the pooled scores as a table, with the scoring window below."""
        return f"{_format_scores(self.scores())}\n{self._describe()}"

    def _repr_html_(self) -> str:
        """Show the pooled scores in a notebook, each beside its confusion matrix."""
        scores = self.scores()
        columns = {title: scores[name] for title, name in _COLUMNS.items()}
        columns["confusion"] = [
            confusion_svg(staged["true"], staged["predicted"])
            for _, _, staged in self._each()
        ]
        return f"<div>{html_table(columns, caption=self._describe())}</div>"

    def _describe(self) -> str:
        """Say what is scored."""
        tested = np.unique(np.concatenate([fold.rows for fold in self._folds]))
        nights, subjects = (
            _count(len(np.unique(self._rows[name][tested])), noun)
            for name, noun in (("recording", "night"), ("subject", "subject"))
        )
        return f"Scored: {self.protocol['scoring_window']}, of {nights} of {subjects}."

    def _choose(
        self, estimator: str | None, condition: str | None
    ) -> list[tuple[FoldPrediction, str]]:
        """List folds and conditions of one estimator, one condition, or all."""
        for name, value in (("estimator", estimator), ("condition", condition)):
            if value is not None:
                options = getattr(self, f"{name}s")
                check_option(name, value, options, owner="StagingResult")
        return [
            (fold, name)
            for fold in self._folds
            for name in fold.stages
            if estimator in (None, fold.estimator) and condition in (None, name)
        ]

    def _each(self) -> Iterator[tuple[str, str, Table]]:
        """Yield estimator, condition and the table of the epochs with a prediction."""
        for estimator in self.estimators:
            for condition in self.conditions:
                table = self.predictions(estimator, condition)
                staged = table["predicted"] != UNSCORED
                if staged.any():
                    kept = {name: column[staged] for name, column in table.items()}
                    yield estimator, condition, kept


def _count(n: int, noun: str) -> str:
    """Write a number with its noun in singular or plural."""
    return f"{n} {noun}{'s' * (n != 1)}"


def _format_scores(scores: Table) -> str:
    """Format pooled scores as a table."""
    titles, names = list(_COLUMNS), _COLUMNS.values()
    cells = [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in zip(*(scores[name] for name in names), strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines = []
    for row in [titles, *cells]:
        words = [f"{row[i]:<{widths[i]}}" for i in (0, 1)]
        numbers = [f"{row[i]:>{widths[i]}}" for i in range(2, len(titles))]
        lines.append("  ".join(words + numbers))
    return "\n".join(lines)
