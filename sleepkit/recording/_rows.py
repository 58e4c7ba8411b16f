"""Row selections, in every form that scikit-learn and numpy users write them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._typing import IntArray


def as_rows(key: Any, n_rows: int) -> IntArray:
    """Turn an index, a slice, a mask or an array of indices into row numbers.

    scikit-learn 1.9 indexes ``X[rows, ...]``, so a tuple that ends in ``...`` is taken.
    """
    if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
        key = key[0]
    if isinstance(key, slice):
        return np.arange(n_rows)[key]
    rows = np.atleast_1d(np.asarray(key))
    if rows.dtype == np.bool_ and rows.shape == (n_rows,):
        return np.flatnonzero(rows)
    if not rows.size and rows.ndim == 1:
        return np.empty(0, np.intp)
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        msg = (
            "Rows are chosen by an integer, a slice, a flat array of integers or "
            f"{n_rows} booleans; got {rows.dtype} of shape {rows.shape}."
        )
        raise IndexError(msg)
    if rows.min() < -n_rows or rows.max() >= n_rows:
        msg = (
            f"Row numbers go from 0 to {n_rows - 1}; got {rows.min()} to {rows.max()}."
        )
        raise IndexError(msg)
    return rows.astype(np.intp) % n_rows
