"""What an import of sleepkit, of its packages and of their public names imports."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from itertools import groupby

import pytest

import sleepkit

TORCH = {"skorch", "torch"}
MAY_IMPORT_TORCH = {
    "classifiers",
    "cli",
    "export",
    "live",
    "nn",
    "pretrained",
    "training",
}
NEVER = {
    "exceptions": {"numpy"},
    "metrics": {"mne"},
    "model_selection": {"mne"},
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


def unwanted_in(package: str) -> list[str]:
    """Sorted names of what the public names of a package must not import."""
    torch = set() if package in MAY_IMPORT_TORCH else TORCH
    return sorted({"matplotlib"} | torch | NEVER.get(package, set()))


@pytest.mark.parametrize(
    ("unwanted", "packages"),
    [
        (names, list(group))
        for names, group in groupby(sorted(PACKAGES, key=unwanted_in), key=unwanted_in)
    ],
    ids=repr,
)
def test_packages_do_not_import(unwanted, packages):
    """Those with the same rule in one interpreter: each start takes seconds."""
    statement = "; ".join(f"from sleepkit.{package} import *" for package in packages)
    assert not set(unwanted) & imported_by(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "from sleepkit.metrics import apply_temperature, compare_stagings",
        "from sleepkit.metrics import modality_performance, sleep_statistics",
        "from sleepkit.plotting import *",
    ],
)
def test_scipy_and_scikit_learn_are_imported_on_use(statement):
    assert not {"scipy", "sklearn"} & imported_by(statement)


def test_public_names_are_imported_on_demand():
    packages = ", ".join(f"sleepkit.{package}" for package in PACKAGES)
    added = imported_by(f"import {packages}") - imported_by("pass")
    assert added - sys.stdlib_module_names == {"sleepkit"}
    assert "numpy" in imported_by("import sleepkit; sleepkit.utils.check_stages")


def test_packages_list_their_public_names():
    for package in sleepkit.__all__:
        module = import_module(f"sleepkit.{package}")
        assert set(module.__all__) <= set(dir(module))


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'sleepkit' has no attribute 'polka'"):
        _ = sleepkit.polka
    with pytest.raises(AttributeError, match=r"'sleepkit\.io' has no attribute"):
        _ = sleepkit.io.polka


def test_dir_lists_the_packages():
    assert set(sleepkit.__all__) <= set(dir(sleepkit))


@pytest.mark.parametrize("policy", [None, "ACTIVE"])
def test_threads_wait_passively_unless_the_user_says_otherwise(policy):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if policy is not None:
        environment["OMP_WAIT_POLICY"] = policy
    code = "import os, sleepkit; print(os.environ['OMP_WAIT_POLICY'])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert result.stdout.decode().strip() == (policy or "PASSIVE")
