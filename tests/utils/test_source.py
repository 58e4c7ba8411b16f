from __future__ import annotations

import ast
import inspect
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sleepkit.utils import check_count, read_source


class Defined:
    """Something to be read."""


def test_functions_and_classes():
    assert read_source(check_count) == inspect.getsource(check_count)
    assert read_source(Defined) == inspect.getsource(Defined)
    assert "Something to be read" in read_source(Defined)


@pytest.mark.parametrize("compiled", [len, dict])
def test_no_source(compiled):
    assert read_source(compiled) is None


def test_one_thread_at_a_time(monkeypatch):
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
    classes = [ast.NodeVisitor, Path, ThreadPoolExecutor, threading.Thread] * 4
    read_source.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read_source, classes))
    assert all(source.startswith("class ") for source in found)
    assert most == 1
