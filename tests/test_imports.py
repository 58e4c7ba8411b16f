"""What an import of sleepkit or of one of its packages drags in."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import sleepkit

TORCH = {"skorch", "torch"}
MAY_IMPORT_TORCH = {"classifiers", "cli", "nn", "training"}
NEVER = {
    "exceptions": {"numpy"},
    "metrics": {"mne", "scipy", "sklearn"},
    "model_selection": {"mne"},
    "plotting": {"mne", "scipy", "sklearn"},
    "preprocessing": {"mne"},
    "recording": {"mne", "scipy", "sklearn"},
    "signal": {"joblib", "mne", "sklearn"},
    "utils": {"mne", "scipy", "sklearn"},
}
PACKAGES = [
    module.name
    for module in pkgutil.iter_modules(sleepkit.__path__)
    if not module.name.startswith("_")
]


def imported_by(statement: str) -> set[str]:
    """Top-level names in `sys.modules` after the statement, in a fresh interpreter."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-W", "error", "-c", f"{statement}; {report}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_sleepkit_alone_imports_the_standard_library_only():
    added = imported_by("import sleepkit") - imported_by("pass")
    assert added - sys.stdlib_module_names == {"sleepkit"}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_does_not_import(package):
    unwanted = {"matplotlib"} | NEVER.get(package, set())
    if package not in MAY_IMPORT_TORCH:
        unwanted |= TORCH
    assert not unwanted & imported_by(f"import sleepkit.{package}")


def test_packages_are_imported_on_demand():
    assert "numpy" in imported_by("import sleepkit; sleepkit.utils")


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'sleepkit' has no attribute 'polka'"):
        _ = sleepkit.polka


def test_dir_lists_the_packages():
    assert set(sleepkit.__all__) <= set(dir(sleepkit))
