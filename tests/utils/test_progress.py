from __future__ import annotations

import pytest

from sleepkit.utils import hide_progress, progress_bar


@pytest.mark.parametrize(
    ("verbose", "hidden", "shown"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_a_bar_is_shown(verbose, hidden, shown, capsys):
    with hide_progress(hidden=hidden):
        assert list(progress_bar("ab", "nights", verbose=verbose)) == ["a", "b"]
    assert ("nights: 100%" in capsys.readouterr().err) is shown


def test_what_hides_is_undone(capsys):
    with hide_progress():
        with hide_progress(hidden=False):  # what is hidden further out stays so
            list(progress_bar("a", "inside"))
        list(progress_bar("a", "between"))
    list(progress_bar("a", "after"))
    error = capsys.readouterr().err
    assert "after" in error
    assert "inside" not in error
    assert "between" not in error
