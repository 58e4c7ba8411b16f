"""The zip archive of a model file, distrusted until it is checked."""

from __future__ import annotations

import json
import re
import zlib
from io import BytesIO
from typing import Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from sleepkit.exceptions import ModelFileError

INFO: Final = "sleepkit.json"
SCHEMA: Final = "schema.json"
_MEMBER: Final = re.compile(r"\w+\.npy", re.ASCII)
_MAX_BYTES: Final = 2**30
_MAX_JSON_BYTES: Final = 2**25  # as Python objects, text takes some twenty times more
_ZIP_MAGIC: Final = b"PK\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"
_NPY_MAGIC: Final = b"\x93NUMPY"


def add_info(content: bytes, info: dict[str, Any]) -> bytes:
    """Put what is to be known of a model beside it in the archive."""
    buffer = BytesIO(content)
    with ZipFile(buffer, "a", compression=ZIP_DEFLATED) as archive:
        archive.writestr(INFO, json.dumps(info, indent=1))
    return buffer.getvalue()


def read_info(content: bytes) -> dict[str, Any]:
    """Check an archive, sizes first, and read what it says of its model."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            _check_members(archive)
            info = json.loads(archive.read(INFO))
    except (BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ModelFileError(_no_archive(content)) from error
    except (ValueError, EOFError) as error:
        msg = f"it is damaged: {error}."
        raise ModelFileError(msg) from error
    if not isinstance(info, dict):
        msg = f"it is damaged: its {INFO} is no object."
        raise ModelFileError(msg)
    return info


def _check_members(archive: ZipFile) -> None:
    """Require plain arrays and two texts, of a bearable size once unpacked."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if INFO not in names or SCHEMA not in names:
        msg = f"it is another program's archive: it holds no {INFO} and {SCHEMA}."
        raise ModelFileError(msg)
    strange = [n for n in names if n not in {INFO, SCHEMA} and not _MEMBER.fullmatch(n)]
    if strange or len(set(names)) < len(names):
        what = repr(strange[0]) if strange else "the same name twice"
        msg = f"it holds {what}, which no model file does."
        raise ModelFileError(msg)
    _check_sizes(members)
    for name in names:
        member = archive.read(name)  # also compares its checksum
        if _MEMBER.fullmatch(name) and not member.startswith(_NPY_MAGIC):
            msg = f"it is damaged: its {name} is no array."
            raise ModelFileError(msg)


def _check_sizes(members: list[ZipInfo]) -> None:
    """Refuse what would fill the memory, before anything is unpacked."""
    total = sum(member.file_size for member in members)
    texts = sum(m.file_size for m in members if m.filename in {INFO, SCHEMA})
    if total > _MAX_BYTES or texts > _MAX_JSON_BYTES:
        msg = (
            f"it would unpack to {total:,} bytes, {texts:,} of them text; a model file "
            f"has at most {_MAX_BYTES:,} and {_MAX_JSON_BYTES:,}."
        )
        raise ModelFileError(msg)


def _no_archive(content: bytes) -> str:
    """Say what a file is that is no sound archive."""
    if content.startswith(_ZIP_MAGIC):
        return "it is cut short or damaged; copy it again."
    if content.startswith(_PICKLE_MAGIC):
        return "it looks like a pickle, which could run any program; none is opened."
    return "it is no model file; models are written by `train` and save_model."
