"""Progress bars, in one place, so that a command can do without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_hidden = False


def progress_bar(
    items: Iterable[Any] | None = None,
    desc: str = "",
    *,
    total: int | None = None,
    verbose: bool = True,
    **options: Any,
) -> Any:
    """Bar on standard error that shows how far a loop is.

    Parameters
    ----------
    items : iterable, default=None
        What to iterate over; None means that the bar is advanced by hand.
    desc : str, default=""
        What the items are.
    total : int, default=None
        Number of the items, where they have no length.
    verbose : bool, default=True
        Whether the bar is shown; never inside `hide_progress`.
    **options : object
        Further parameters of ``tqdm``.

    Returns
    -------
    tqdm.tqdm
        The bar.

    Examples
    --------
    >>> from sleepkit.utils import progress_bar
    >>> list(progress_bar([1, 2], "nights", verbose=False))
    [1, 2]
    """
    from tqdm import tqdm

    disable = _hidden or not verbose
    return tqdm(items, desc, total, disable=disable, **options)


@contextmanager
def hide_progress(*, hidden: bool = True) -> Iterator[None]:
    """Show no progress bar in this process, whatever is verbose.

    Parameters
    ----------
    hidden : bool, default=True
        False leaves all as it is.

    Yields
    ------
    None
        Nothing; the bars are back afterwards.

    Examples
    --------
    >>> from sleepkit.utils import hide_progress, progress_bar
    >>> with hide_progress():
    ...     list(progress_bar([1, 2], "nights"))
    [1, 2]
    """
    global _hidden  # bars are opened in other threads too
    before = _hidden
    _hidden = hidden or before
    try:
        yield
    finally:
        _hidden = before
