"""Checks of parameters that are pairs of numbers."""

from __future__ import annotations

from typing import Any

from sleepkit.utils import check_count, check_fraction


def check_filters(value: Any, *, owner: str, minimum: int = 1) -> None:
    """Require two numbers of filters."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        msg = (
            f"The 'n_filters' parameter of {owner} must be two whole numbers. Got "
            f"{value!r} instead."
        )
        raise ValueError(msg)
    for i, n in enumerate(value):
        check_count(f"n_filters[{i}]", n, owner=owner, minimum=minimum)


def check_betas(value: Any, *, owner: str) -> None:
    """Require the two decay rates of Adam."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        msg = (
            f"The 'betas' parameter of {owner} must be two numbers >= 0 and < 1. Got "
            f"{value!r} instead."
        )
        raise ValueError(msg)
    for i, beta in enumerate(value):
        check_fraction(f"betas[{i}]", beta, owner=owner)
