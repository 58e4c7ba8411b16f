"""Text of a stage file in whichever encoding it is."""

from __future__ import annotations

import codecs
import re
from typing import Final

from sleepkit.exceptions import HypnogramError

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark begins it
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def decoded(data: bytes) -> str:
    """Decode text by its byte-order mark, else as UTF-8, else as Windows-1252."""
    mark = next((mark for mark in _MARKS if data.startswith(mark)), None)
    text = _first_decoded(data, (_MARKS[mark],) if mark else ("utf-8", "cp1252"))
    is_marked_up = text is not None and text.lstrip("\ufeff").startswith("<")
    if text is None and data.lstrip().startswith(b"<"):
        text, is_marked_up = data.decode("latin-1"), True
    if text is None or not text.strip("\ufeff \r\n\t\f\0"):
        msg = f"the file must hold text; got {data[:20]!r} of {len(data)} bytes."
        raise HypnogramError(msg)
    text = "\n".join(re.split(r"\r\n?|\n|\f", text.lstrip("\ufeff")))
    if _CONTROL.search(text) and not is_marked_up:
        msg = f"the file must hold text; got {data[:20]!r} of {len(data)} bytes."
        raise HypnogramError(msg)
    return text


def _first_decoded(data: bytes, encodings: tuple[str, ...]) -> str | None:
    """Text by the first encoding that takes every byte."""
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
