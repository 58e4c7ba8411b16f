from __future__ import annotations

import pytest

from sleepkit.utils import optional_import


def test_what_is_there_is_imported():
    assert optional_import("xml.dom", extra="plot").__name__ == "xml.dom"


def test_what_is_missing_says_how_to_install_it():
    with pytest.raises(
        ImportError, match=r"'no_such_package'.*pip install 'sleepkit-learn\[plot\]'"
    ):
        optional_import("no_such_package.pyplot", extra="plot")


def test_a_fault_inside_the_package_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as info:
        optional_import("half_installed", extra="plot")
    assert "sleepkit-learn" not in str(info.value)
