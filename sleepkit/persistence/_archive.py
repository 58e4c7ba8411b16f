"""Zip archive of a model file, checked before it is used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from sleepkit._messages import quoted
from sleepkit.exceptions import ModelFileError

INFO: Final = "sleepkit.json"
ARRAYS: Final = "arrays.safetensors"
MAX_BYTES: Final = 2**30
_MAX_JSON_BYTES: Final = 2**25  # parsed JSON takes about twenty times the memory
# Members may unpack to so many bytes, or to so many times the file.
_SMALL_BYTES: Final = 2**26
_SMALL_JSON_BYTES: Final = 2**22
_MAX_TIMES: Final = 32
_FOREIGN: Final = re.compile(r"\d{1,2}/(schema\.json|\w+\.npy)", re.ASCII)
_ZIP_MAGIC: Final = b"PK\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"


def pack(info: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """Pack JSON and the other members of a model into an archive."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression=ZIP_DEFLATED) as archive:
        archive.writestr(INFO, json.dumps(info, indent=1))
        for name, content in members.items():
            # Weights hardly compress; stored, they cannot be larger than the file.
            kind = ZIP_STORED if name == ARRAYS else ZIP_DEFLATED
            archive.writestr(name, content, compress_type=kind)
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Check an archive, sizes first; return its JSON and its other members."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            _check_members(archive.infolist(), len(content))
            members = {m.filename: _read(archive, m) for m in archive.infolist()}
    except ModelFileError:
        raise
    except Exception as error:  # of zip files, and of whatever is damaged in them
        raise ModelFileError(_no_archive(content)) from error
    info = parse_json(INFO, members.pop(INFO))
    for name, member in members.items():
        if name.endswith(".npy"):
            _check_npy(name, member)
    return info, members


def parse_json(name: str, member: bytes) -> dict[str, Any]:
    """Parse a member that must be a JSON object."""
    try:
        parsed = json.loads(member)
    except (ValueError, RecursionError) as error:
        msg = f"it is damaged: its {name} is no JSON: {error}."
        raise ModelFileError(msg) from error
    if not isinstance(parsed, dict):
        msg = f"it is damaged: its {name} is no JSON object."
        raise ModelFileError(msg)
    return parsed


def _read(archive: ZipFile, member: ZipInfo) -> bytes:
    """Read a member; one that is longer than it says is not unpacked any further."""
    with archive.open(member) as stream:
        content = stream.read(member.file_size)
    if len(content) != member.file_size:
        raise EOFError
    return content


def _check_members(members: list[ZipInfo], size: int) -> None:
    """Require the members of a model file, and check their sizes.

    `size` is that of the file in bytes.
    """
    names = [member.filename for member in members]
    needed = {INFO, ARRAYS}
    if not needed <= {*names}:
        msg = f"it is another program's archive: it holds no {INFO} and {ARRAYS}."
        raise ModelFileError(msg)
    strange = [n for n in names if n not in needed and not _FOREIGN.fullmatch(n)]
    if strange or len({*names}) < len(names):
        what = quoted(strange[0]) if strange else "the same name twice"
        msg = f"it holds {what}, which no model file may hold."
        raise ModelFileError(msg)
    _check_sizes(members, size)


def _check_sizes(members: list[ZipInfo], size: int) -> None:
    """Refuse large members before anything is unpacked."""
    total = sum(member.file_size for member in members)
    texts = sum(m.file_size for m in members if m.filename.endswith(".json"))
    most = min(MAX_BYTES, max(_SMALL_BYTES, _MAX_TIMES * size))
    most_text = min(_MAX_JSON_BYTES, max(_SMALL_JSON_BYTES, _MAX_TIMES * size))
    if total > most or texts > most_text:
        msg = (
            f"it would unpack to {total:,} bytes, {texts:,} of them text; a model file "
            f"of {size:,} bytes has at most {most:,} and {most_text:,}."
        )
        raise ModelFileError(msg)
    for member in members:
        kinds = (
            (ZIP_STORED,) if member.filename == ARRAYS else (ZIP_STORED, ZIP_DEFLATED)
        )
        if member.compress_type not in kinds:
            msg = f"it is damaged: its {member.filename} is compressed."
            raise ModelFileError(msg)


def _check_npy(name: str, member: bytes) -> None:
    """Require an array of plain numbers whose size agrees with its header."""
    stream = BytesIO(member)
    try:
        is_first = np.lib.format.read_magic(stream) == (1, 0)
        read = (
            np.lib.format.read_array_header_1_0
            if is_first
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(stream)
    except Exception as error:  # NumPy evaluates the header as Python literals
        msg = f"it is damaged: its {name} is no array."
        raise ModelFileError(msg) from error
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or size != len(member) - stream.tell():
        msg = f"it is damaged: its {name} does not hold {shape} values of {dtype}."
        raise ModelFileError(msg)


def _no_archive(content: bytes) -> str:
    """Describe a file that is not a valid archive."""
    if content.startswith(_ZIP_MAGIC):
        return "it is cut short or damaged; copy it again."
    if content.startswith(_PICKLE_MAGIC):
        return "it looks like a pickle, which could run any code and is not opened."
    return "it is no model file; models are written by `train` and save_model."
