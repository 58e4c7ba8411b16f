"""Row indexing: integers, slices, masks and index arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import IntArray


def as_rows(key: Any, n_rows: int) -> IntArray:
    """Turn an index, a slice, a mask or an array of indices into row numbers.

    A tuple that ends in ``...`` is accepted: scikit-learn 1.9 indexes ``X[rows, ...]``.
    """
    if isinstance(key, tuple):
        if len(key) != 2 or key[1] is not Ellipsis:
            msg = (
                f"An EpochArray is indexed by its rows alone; got {len(key)} indices. "
                "For columns, make an array of it with np.asarray, or a table by "
                "BandPower().set_output(transform='pandas')."
            )
            raise IndexError(msg)
        key = key[0]
    if isinstance(key, slice):
        return np.arange(n_rows)[key]
    rows = np.atleast_1d(np.asarray(key))
    if isinstance(key, list) and not key:
        rows = rows.astype(np.intp)
    if rows.dtype == np.bool_ and rows.shape == (n_rows,):
        return np.flatnonzero(rows)
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        msg = (
            "Rows are chosen by an integer, a slice, a flat array of integers or "
            f"{n_rows} booleans; got {rows.dtype} of shape {rows.shape}."
        )
        raise IndexError(msg)
    outside = rows[(rows < -n_rows) | (rows >= n_rows)]
    if outside.size:
        msg = f"There are {n_rows} rows; got row number {outside[0]}."
        raise IndexError(msg)
    return np.where(rows < 0, rows + n_rows, rows).astype(np.intp)


def rows_of_each(index: IntArray, n_groups: int) -> list[IntArray]:
    """Return for each group the rows where ``index`` is its number, ascending."""
    bounds = np.cumsum(np.bincount(index, minlength=n_groups))
    return list(np.split(np.argsort(index, kind="stable"), bounds)[:n_groups])
