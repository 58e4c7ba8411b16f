"""Download of a file that goes on where a broken connection left it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_TRIES: Final = 4  # in a row that bring nothing new
_TIMEOUT: Final = 60.0  # seconds
_BLOCK: Final = 2**20  # bytes
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_REFUSED: Final = range(400, 500)  # codes of errors that a second try does not mend
_BAD_RANGE: Final = 416


@dataclass(frozen=True)
class ResumingDownloader:
    """Downloader for pooch, which keeps what it has in a ``.part`` file.

    `address` is the URL with the token, which no message shows; `size` is the number of
    bytes to expect, None if unknown.
    """

    address: str = field(repr=False)
    part: Path
    size: int | None

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download to `part`, by as many connections as it takes, and move it."""
        n_failed, most, reason = 0, -1, ""
        while n_failed < _TRIES:
            time.sleep(2.0**n_failed - 1)
            try:
                expected = self._continue()
            except HTTPError as error:
                error.close()
                if error.code in _REFUSED and error.code != _BAD_RANGE:
                    raise ConnectionError(str(error)) from None
                self._drop(error.code == _BAD_RANGE)
                expected, reason = self.size, str(error)
            except (OSError, HTTPException) as error:
                expected, reason = self.size, str(error)
            done = self.part.stat().st_size if self.part.exists() else 0
            if done == expected:
                self.part.replace(output_file)
                return
            n_failed = 0 if done > most else n_failed + 1
            most = max(most, done)
        self._drop(self.size is not None and most > self.size)
        expected_text = (
            "an unknown number of" if self.size is None else f"{self.size:,}"
        )
        detail = f" ({reason})" if reason else ""
        msg = f"{most:,} of {expected_text} bytes came{detail}"
        raise ConnectionError(msg)

    def _continue(self) -> int | None:
        """Append what is missing; return the size that the file should have."""
        begin = self.part.stat().st_size if self.part.exists() else 0
        if self.size is not None and begin == self.size:
            return begin
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        request = Request(self.address, headers=headers)
        with urlopen(request, timeout=_TIMEOUT) as response:
            match = _RANGE.match(response.headers.get("Content-Range") or "")
            goes_on = match is not None and int(match[1]) == begin
            total = match[2] if match else response.headers.get("Content-Length")
            with self.part.open("ab" if goes_on else "wb") as file:
                while block := response.read(_BLOCK):
                    file.write(block)
                n_bytes = file.tell()
        if self.size is not None:
            return self.size
        return int(total) if (total or "").isdecimal() else n_bytes

    def _drop(self, is_wrong: bool) -> None:
        """Remove a part that is no beginning of the file."""
        if is_wrong:
            self.part.unlink(missing_ok=True)
