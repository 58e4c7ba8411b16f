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

from sleepkit.exceptions import RecordingError

_TRIES: Final = 4  # in a row that bring nothing new
_TIMEOUT: Final = 60.0  # seconds
_BLOCK: Final = 2**20  # bytes
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_BAD_RANGE: Final = 416
_PASSING: Final = (408, _BAD_RANGE, 429)  # codes below 500 that another try may mend


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
                if self._continue():
                    self.part.replace(output_file)
                    return
            except HTTPError as error:
                with error:
                    reason = str(error)
                    self._check_code(error.code, reason)
            except (OSError, HTTPException) as error:
                reason = str(error)
            n_done = self._n_done
            n_failed = 0 if n_done > most else n_failed + 1
            most = max(most, n_done)
        expected = "" if self.size is None else f" of {self.size:,}"
        msg = f"only {most:,}{expected} bytes came{reason and f' ({reason})'}"
        raise ConnectionError(msg)

    @property
    def _n_done(self) -> int:
        """Number of bytes that there are."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _continue(self) -> bool:
        """Append what is missing; return whether the file is whole."""
        begin = self._n_done
        if begin and begin == self.size:
            return True
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        request = Request(self.address, headers=headers)
        with urlopen(request, timeout=_TIMEOUT) as response:
            match = _RANGE.match(response.headers.get("Content-Range") or "")
            goes_on = match is not None and int(match[1]) == begin
            sent = match[2] if match else response.headers.get("Content-Length")
            total = int(sent) if (sent or "").isdecimal() else None
            self._check_total(total)
            with self.part.open("ab" if goes_on else "wb") as file:
                while block := response.read(_BLOCK):
                    file.write(block)
        expected = total if self.size is None else self.size
        return expected in (None, self._n_done)

    def _check_total(self, total: int | None) -> None:
        """Refuse another file, such as a page that asks to log in."""
        if None not in (self.size, total) and total != self.size:
            msg = f"the server sends {total:,} bytes, and lists {self.size:,}"
            raise RecordingError(msg)

    def _check_code(self, code: int, reason: str) -> None:
        """Refuse what no other try mends; drop a part that is too long."""
        if code < 500 and code not in _PASSING:
            raise ConnectionError(reason) from None
        if code == _BAD_RANGE:
            self.part.unlink(missing_ok=True)
