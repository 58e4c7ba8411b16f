import threading

import pytest

from sleepkit.training._read_ahead import read_ahead


def test_order_and_end():
    assert list(read_ahead(iter("abc"))) == ["a", "b", "c"]
    assert list(read_ahead(())) == []


def test_the_next_item_is_made_while_one_is_used():
    second_is_made = threading.Event()

    def items():
        yield "first"
        second_is_made.set()
        yield "second"
        pytest.fail("two items ahead")

    given = read_ahead(items())
    assert next(given) == "first"
    assert second_is_made.wait(timeout=10)  # without being requested


def test_errors_come_in_their_place():
    def items():
        yield 1
        msg = "the disk"
        raise OSError(msg)

    given = read_ahead(items())
    assert next(given) == 1
    with pytest.raises(OSError, match="the disk"):
        next(given)


def test_it_may_be_given_up():
    given = read_ahead(iter(range(10)))
    assert next(given) == 0
    given.close()
    assert list(given) == []
