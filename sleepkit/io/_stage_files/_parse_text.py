"""Stage files of text: a table, or a list of labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from sleepkit._messages import quoted
from sleepkit._stage_words import fold, stage_of_word
from sleepkit._stages import UNSCORED
from sleepkit.exceptions import HypnogramError
from sleepkit.io._labels import Decoder, integer
from sleepkit.io._limits import MAX_LABELS, MAX_LINE
from sleepkit.io._scoring import LabelDuration, Scoring, regular_labels
from sleepkit.io._stage_files._column_names import role_of
from sleepkit.io._stage_files._layouts import with_layout
from sleepkit.io._stage_files._parse_table import parse_table
from sleepkit.io._stage_files._preamble import read_preamble
from sleepkit.io._stage_files._table import Table, find_table

_LINE_WORDS: Final = {"l": "?"}  # lights on, in a list of Luna
_FEWEST: Final = 4  # labels of a line that holds all of them


def parse_text(
    text: str, decoder: Decoder, label_duration: LabelDuration, layout: str | None
) -> list[Scoring]:
    """Read a table or a list of labels, one scoring for each scorer."""

    @cache
    def is_stage(cell: str) -> bool:
        return decoder.word(cell.strip()) not in (None, UNSCORED)

    lines = text.split("\n")
    longest = max(map(len, lines))
    if len(lines) > MAX_LABELS or longest > MAX_LINE:
        msg = (
            f"a file of labels has at most {MAX_LABELS:,} lines of {MAX_LINE:,} "
            f"characters; got {len(lines):,}, the longest of {longest:,}."
        )
        raise HypnogramError(msg)
    table = None if layout == "lines" else find_table(lines, is_stage)
    if table is None:
        return [parse_lines(lines, label_duration)]
    if _is_one_line(table):
        return [_one_line(table, decoder, label_duration)]
    return parse_table(with_layout(table, layout), decoder, label_duration)


def _is_one_line(table: Table) -> bool:
    """Whether all labels stand on one line."""
    return not table.names and len(table.rows) == 1 and table.width >= _FEWEST


def _one_line(table: Table, decoder: Decoder, label_duration: LabelDuration) -> Scoring:
    """Labels of a file of one line."""
    texts = table.rows[0].cells
    unknown = [t for t in texts if decoder.code(t) is None]
    if unknown and not all(integer(text) is not None for text in unknown):
        msg = (
            "a file of one line must hold labels only, better one label a line; got "
            f"{', '.join(map(quoted, unknown[:5]))}."
        )
        raise HypnogramError(msg)
    return Scoring(regular_labels(texts, label_duration.with_file(), "label"))


def parse_lines(lines: Sequence[str], label_duration: LabelDuration) -> Scoring:
    """Read one label a line, after entries such as EPOCH=30 and a line of its name."""
    texts = [line.strip() for line in lines]
    while texts and not texts[-1]:
        texts.pop()
    above = read_preamble(texts)
    first = above.n_lines
    first += first < len(texts) and _is_name(texts[first].strip('"'))
    body = [text.strip("\"'") for text in texts[first:]]
    if "" in body:
        line = body.index("") + first + 1
        msg = f"each line must hold a label; line {line} is empty."
        raise HypnogramError(msg)
    body = [_LINE_WORDS.get(fold(text), text) for text in body]
    length = label_duration.with_file(above.label_duration)
    labels = regular_labels(body, length, "line", first=first + 1)
    if above.onset:
        labels = [label._replace(onset=label.onset + above.onset) for label in labels]
    return Scoring(labels, start=above.start)


def _is_name(text: str) -> bool:
    """Whether a line is the name of the column, not a label such as "Stage 7"."""
    has_number = any(character.isdigit() or character == "?" for character in text)
    is_label = has_number or stage_of_word(text) is not None
    return role_of(text) == "label" and not is_label and not _ends_like_a_stage(text)


def _ends_like_a_stage(text: str) -> bool:
    """Whether a line ends like the name of a stage that is not known."""
    return len(text.split()) > 1 and len(text.split()[-1]) <= len("REM")
