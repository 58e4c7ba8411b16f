"""Bland-Altman comparison of predicted sleep statistics with the expert's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sleepkit._typing import FloatArray


def compare_sleep_statistics(
    expert: Sequence[Mapping[str, float]], predicted: Sequence[Mapping[str, float]]
) -> dict[str, list[Any]]:
    """Compare predicted sleep statistics with the expert's, over nights.

    Parameters
    ----------
    expert : sequence of dict of str to float
        `sleep_statistics` of each night as the expert scored it.
    predicted : sequence of dict of str to float
        `sleep_statistics` of the predicted stages, nights in the same order.

    Returns
    -------
    dict of str to list
        A table with a row for each statistic, ready for ``pandas.DataFrame``:
        ``statistic``; ``n``, the number of nights where it is defined for both;
        ``bias``, the mean of predicted - expert; ``sd``, the standard deviation of
        these differences; ``loa_low`` and ``loa_high``, the limits of agreement
        bias -+ 1.96 SD. NaN where there are too few nights.

    Raises
    ------
    ValueError
        If there are no nights, the numbers of nights differ, or the nights do not have
        the same statistics.

    See Also
    --------
    sleep_statistics : Statistics of one night.

    Notes
    -----
    If the differences are normal and do not depend on the size of the statistic, about
    95 % of new nights lie within the limits of agreement [1]_. SD has n - 1 in its
    denominator.

    References
    ----------
    .. [1] Bland, Altman: Statistical methods for assessing agreement between two
       methods of clinical measurement. The Lancet 327, 1986.

    Examples
    --------
    >>> from sleepkit.metrics import compare_sleep_statistics
    >>> table = compare_sleep_statistics(
    ...     [{"TST": 400.0}, {"TST": 420.0}, {"TST": 380.0}],
    ...     [{"TST": 410.0}, {"TST": 420.0}, {"TST": 400.0}],
    ... )
    >>> table["statistic"], table["n"], table["bias"], table["sd"]
    (['TST'], [3], [10.0], [10.0])
    >>> round(table["loa_low"][0], 2), round(table["loa_high"][0], 2)
    (-9.6, 29.6)
    """
    names = _common_names(expert, predicted)
    table: dict[str, list[Any]] = {
        name: [] for name in ("statistic", "n", "bias", "sd", "loa_low", "loa_high")
    }
    for name in names:
        pairs = zip(expert, predicted, strict=True)
        differences = np.array([other[name] - one[name] for one, other in pairs])
        row = (name, *_limits_of_agreement(differences[~np.isnan(differences)]))
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table


def _common_names(
    expert: Sequence[Mapping[str, float]], predicted: Sequence[Mapping[str, float]]
) -> list[str]:
    """Return the names of the statistics; require the same for all nights."""
    if not expert or len(expert) != len(predicted):
        msg = (
            "compare_sleep_statistics needs the same nights of expert and prediction; "
            f"got {len(expert)} and {len(predicted)}."
        )
        raise ValueError(msg)
    names = list(expert[0])
    for night in (*expert, *predicted):
        odd = set(night) ^ set(names)
        if odd:
            msg = (
                "compare_sleep_statistics needs the same statistics of all nights; got "
                f"{sorted(odd)} for some only."
            )
            raise ValueError(msg)
    return names


def _limits_of_agreement(
    differences: FloatArray,
) -> tuple[int, float, float, float, float]:
    """Return number, mean, SD and mean -+ 1.96 SD; NaN where there are too few."""
    n = len(differences)
    bias = float(differences.mean()) if n else np.nan
    sd = float(differences.std(ddof=1)) if n > 1 else np.nan
    return n, bias, sd, bias - 1.96 * sd, bias + 1.96 * sd
