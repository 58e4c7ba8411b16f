"""Fingerprints of code. `change` edits a file of a copy of the library."""

from __future__ import annotations

import ast
import inspect
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module, invalidate_caches
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sleepkit
from sleepkit.utils import (
    NIGHT_PACKAGES,
    hash_code,
    library_digest,
    package_versions,
    versions,
)

# ---------------------------------------------------------- code of the library itself

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from sklearn.dummy import DummyClassifier
import sleepkit
from sleepkit.evaluation import cross_validate_staging
from sleepkit.preprocessing import BandPower
from sleepkit.recording import EpochArray

assert Path(sleepkit.__file__).is_relative_to(sys.argv[1]), sleepkit.__file__
values, y = np.random.default_rng(0).random((4, 200)), [0, 1, 0, 1]
X = EpochArray.from_arrays(values, recording=list("abab"), sfreq=100)
night = BandPower().fit_transform(X).recordings[0]
night.cached(sys.argv[2]).compute()
estimators = {"same": DummyClassifier(strategy="uniform", random_state=0)}
cross_validate_staging(
    estimators, X, y, cv=2, random_state=0, directory=sys.argv[2], window="all"
)
names = sorted(path.name for path in Path(sys.argv[2]).glob("[!.]*"))
print([name for name in names if not name.endswith(".fold")])
print([name for name in names if name.endswith(".fold")])
"""


@pytest.fixture(scope="module")
def keys_after(tmp_path_factory):
    """Cache key and fold identities in a copy of the library with one file changed."""
    root = tmp_path_factory.mktemp("copy")
    source = Path(sleepkit.__file__).parent
    ignore = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(source, root / "sleepkit", ignore=ignore)

    def keys(file: str | None = None, old: str = "", new: str = "") -> list[str]:
        text = (copy / file).read_text() if file else ""
        assert old in text
        if file:
            (copy / file).write_text(text.replace(old, new, 1))
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, root, tmp_path_factory.mktemp("results")],
            env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if file:
            (copy / file).write_text(text)
        assert not done.returncode, done.stderr
        cached, folds = done.stdout.splitlines()
        assert cached != "[]"
        assert folds.count(".fold") == 2
        return [cached, folds]

    return keys


def test_keys_change_with_the_code_that_a_result_depends_on(keys_after):
    cached, folds = keys_after()
    assert keys_after("cli/__init__.py", '"""', '"""Changed. ') == [cached, folds]
    after_loss = keys_after("nn/_medfuse_loss.py", "return ", "return -")
    assert after_loss[0] == cached
    assert after_loss[1] != folds
    after_spectrum = keys_after("signal/_spectrum.py", " / ", " * ")
    assert after_spectrum[0] != cached
    assert after_spectrum[1] != folds


def test_digests_are_of_packages():
    assert len({library_digest("signal"), library_digest("nn"), library_digest()}) == 3
    night = versions("numpy", packages=NIGHT_PACKAGES)
    everything = versions("numpy")
    assert night["sleepkit code"] == library_digest(*NIGHT_PACKAGES)
    assert everything["sleepkit code"] == library_digest()
    assert (night["numpy"], night["sleepkit"]) == (
        np.__version__,
        sleepkit.__version__,
    )


# ---------------------------------------------------------------------- code of others

MODULE = """
from dataclasses import dataclass
from sklearn.base import BaseEstimator

class Base:
    default = {default}

class Child(Base):
    '''The class that is a parameter.'''

class Whole:
    def part(self):
        return Base()

@dataclass(frozen=True)
class Step:
    of: object

def function(x):
    return x + {default}

class Holder(BaseEstimator):
    def __init__(self, of=None):
        self.of = of
"""


@pytest.fixture
def module_with(tmp_path, monkeypatch):
    """Import a module of foreign classes and functions, with a constant in it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(default: int):
        (tmp_path / "foreign_code.py").write_text(MODULE.format(default=default))
        sys.modules.pop("foreign_code", None)
        invalidate_caches()
        return import_module("foreign_code")

    yield load
    sys.modules.pop("foreign_code", None)


def values_of(module):
    """Values in which a changed base class or function shows."""
    return {
        "function": module.function,
        "class": module.Base,
        "inherited": module.Child,
        "used": module.Whole,
        "instance": module.Child(),
        "partial": partial(print, end=module.function),
        "parameter": make_pipeline(FunctionTransformer(module.function)),
        "nested": {"a": [module.Holder(module.Child())]},
        "field": module.Step(module.Child()),
    }


def test_foreign_code_and_what_it_inherits_are_seen(module_with):
    first, again, changed = (
        {name: hash_code(value) for name, value in values_of(module_with(n)).items()}
        for n in (1, 1, 2)
    )
    assert first == again
    assert not set(first.values()) & set(changed.values())
    assert len(set(first.values())) == len(first) - 1  # a class is as its instance


def test_a_closure_is_never_that_of_another_session():
    def over(value):
        return lambda: value

    script = "from sleepkit.utils import hash_code\n{}\nprint(hash_code(f))"
    for code in ("def f(): pass", "def g(x): return lambda: x\nf = g(1)"):
        found = {
            subprocess.run(
                [sys.executable, "-c", script.format(code)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(2)
        }
        assert len(found) == 2
    assert hash_code(over(1)) != hash_code(over)


def test_packages_have_versions():
    found = package_versions([np.mean, make_pipeline(FunctionTransformer(np.abs))])
    assert list(found) == ["numpy", "sklearn"]
    assert found["numpy"] == np.__version__


def test_sources_are_read_by_one_thread_at_a_time(monkeypatch):
    # the parser of Python 3.11 raises SystemError, now and then, in two threads at once
    inside, most = 0, 0
    lock = threading.Lock()
    parse = ast.parse

    def count(*args, **kwargs):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        try:
            return parse(*args, **kwargs)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(inspect.ast, "parse", count)
    classes = [type(f"Made{i}", (threading.Thread,), {}) for i in range(16)]
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(hash_code, classes))) == 16
    assert most <= 1
