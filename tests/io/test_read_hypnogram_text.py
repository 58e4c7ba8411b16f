import json

import numpy as np
import pytest

from sleepkit.exceptions import HypnogramError
from sleepkit.io import read_hypnogram


@pytest.fixture
def read(tmp_path):
    """Read a file that has the given text."""

    def read_text(text, name="stages.txt", **parameters):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_hypnogram(path, **parameters)

    return read_text


def test_one_label_a_line(read):
    hypnogram = read("W\nN1\nN2\nN3\nREM\n?\n")
    np.testing.assert_array_equal(hypnogram, [0, 1, 2, 3, 4, -1])
    assert (hypnogram.onset, hypnogram.start, len(hypnogram)) == (0.0, None, 6)


@pytest.mark.parametrize("header", ["[Hypnogram]", "[hypnogramRK]", "Stage", "label"])
def test_header_line(read, header):
    np.testing.assert_array_equal(read(f"{header}\nW\nN1\n"), [0, 1])


@pytest.mark.parametrize(
    "text", ["W\r\nN1\r\n", "W\rN1", "\ufeffW\nN1\n\n \n", " W\nN1 "]
)
def test_line_ends_byte_order_mark_and_trailing_blanks(read, text):
    np.testing.assert_array_equal(read(text), [0, 1])


def test_five_second_labels(read):
    text = "[Hypnogram]\n" + "5\n" * 6 + "2\n" * 3 + "4\n" * 3 + "0\n" * 2 + "-1\n" * 4
    hypnogram = read(text, scheme="dreams")  # DREAMS is scored every 5 s
    np.testing.assert_array_equal(hypnogram, [0, 4, -1])
    other = {5: 0, 2: 2, 4: 4, 0: 3, -1: -1}
    np.testing.assert_array_equal(
        read(text, scheme=other, label_duration=5), [0, 4, -1]
    )
    assert len(read(text, scheme="dreams", label_duration=30)) == 18
    fine = read(text, scheme="dreams", epoch_duration=5)
    np.testing.assert_array_equal(
        fine, [0] * 6 + [2] * 3 + [4] * 3 + [3] * 2 + [-1] * 4
    )


def test_twenty_second_labels(read):
    np.testing.assert_array_equal(read("W\nN1\nN1\n", label_duration=20), [0, 1])


def test_isruc_with_blank_tail(read):
    np.testing.assert_array_equal(read("0\n2\n5\n\n\n", scheme="isruc"), [0, 2, 4])


def test_integers_need_a_scheme(read):
    with pytest.raises(HypnogramError, match=r"stages\.txt: integers mean .*'rk' \("):
        read("0\n2\n5\n")


def test_json_list(read):
    for labels in ([0, 1, -1, 4], ["0", "1.0", "?", "REM"], [0.0, 1.0, -1, 4]):
        hypnogram = read(json.dumps(labels), "a.json", scheme="aasm")
        np.testing.assert_array_equal(hypnogram, [0, 1, -1, 4])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "", "must hold text; got b'' of 0 bytes"),
        ("a.txt", "\n \n", "must hold text"),
        ("a.txt", "W\n\nN1\n", "line 2 is empty"),
        ("a.txt", "W\nN1\nN7\n", r"got 'N7' \(line 3\)"),
        ("a.txt", "[x]\nW\nnan\n", r"got 'nan' \(line 3\)"),
        ("a.txt", "[Hypnogram]\n", "got none"),
        ("a.txt", b"W\nN1\x00\n", "must hold text"),
        ("a.txt", bytes(range(256)), "must hold text; .* of 256 bytes"),
        ("a.txt", "W\nN\xb2\n".encode("latin-1"), r"got 'N²' \(line 2\)"),
        ("a.json", '["W", "N1"', "JSON file must hold a list of labels; "),
        ("a.json", "{}", "list of labels; got dict"),
        ("a.json", "[" * 100_000, "list of labels; "),
        ("a.json", '["W", [1], null]', r"got '\[1\]' \(entry 2\)"),
        ("a.json", '["W", NaN]', r"got 'nan' \(entry 2\)"),
        ("a.json", "[]", "got none"),
    ],
)
def test_malformed(read, name, text, words):
    with pytest.raises(HypnogramError, match=rf"(?s)hypnogram .*{name}: .*{words}"):
        read(text, name)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_hypnogram(tmp_path / "none.txt")


@pytest.mark.parametrize("name", ["epoch_duration", "label_duration"])
@pytest.mark.parametrize("value", [0, -5, np.nan, "30"])
def test_durations_must_be_positive(read, name, value):
    with pytest.raises(ValueError, match=f"{name}.*finite number > 0"):
        read("W\n", **{name: value})
