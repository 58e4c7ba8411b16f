"""The on-disk store: each computed night once, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sleepkit.exceptions import StoreError
from sleepkit.recording._lazy import MappedArray
from sleepkit.recording._signal import Signal

if TYPE_CHECKING:
    from sleepkit.recording._recording import Recording

try:
    import fcntl
except ImportError:  # Windows: two workers may compute a night twice, never wrongly
    fcntl = None  # type: ignore[assignment]

_FORMAT = 1
_MANIFEST = "manifest.json"
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Store:
    """A folder of computed nights, one sub-folder each.

    A night is written under a temporary name and renamed when complete, so a reader
    sees a whole night or none, whenever the writer was killed. A manifest in each
    sub-folder names source, steps, versions, and the size of every file.

    Parameters
    ----------
    directory : str
        The folder; made when first written to.
    """

    directory: str

    def fetch(
        self,
        recording: Recording,
        key: str,
        about: Mapping[str, Any],
        compute: Callable[[], Recording],
    ) -> Recording:
        """Read a night, or compute and write it if it is not there.

        Parameters
        ----------
        recording : Recording
            The source, which lends its name, hypnogram and times.
        key : str
            Identity of the result.
        about : mapping
            What else the manifest shall tell.
        compute : callable
            Gives the result.

        Returns
        -------
        Recording
            The night, its values mapped from the store.

        Raises
        ------
        StoreError
            If the folder cannot be written to.
        """
        folder = Path(self.directory) / f"{_file_name(recording.id)}-{key[:20]}"
        signals = _read(folder, key)
        if signals is None:
            with self._lock(folder.name):
                signals = _read(folder, key)
                if signals is None:
                    self._write(folder, key, about, compute())
                    signals = _read(folder, key)
        if signals is None:
            msg = f"{folder} was written, but cannot be read back."
            raise StoreError(msg)
        return recording.with_signals(signals)

    def _write(
        self, folder: Path, key: str, about: Mapping[str, Any], result: Recording
    ) -> None:
        """Write a night under a temporary name, then rename it into place."""
        partial = folder.with_name(f"{_PARTIAL}{_process()}-{uuid.uuid4().hex[:8]}")
        partial.mkdir()
        try:
            entries = {
                name: _write_signal(partial, _file_name(name), signal)
                for name, signal in result.signals.items()
            }
            manifest = {"format": _FORMAT, "key": key, **about, "signals": entries}
            text = json.dumps(manifest, indent=1)
            (partial / _MANIFEST).write_text(text, encoding="utf-8")
            if folder.exists():  # damaged: `_read` refused it
                shutil.rmtree(folder)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Let one process or thread compute a night while the others wait for it."""
        locks = Path(self.directory) / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            handle = (locks / name).open("w")
        except OSError as error:
            msg = f"The store {self.directory} cannot be written to: {error}"
            raise StoreError(msg) from error
        with handle:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX)
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what killed processes of this machine left half written."""
        for partial in Path(self.directory).glob(f"{_PARTIAL}*"):
            host, _, process = (
                partial.name[len(_PARTIAL) :].rpartition("-")[0].rpartition("-")
            )
            if host == _host() and process.isdigit() and not _is_running(int(process)):
                shutil.rmtree(partial, ignore_errors=True)


def _write_signal(folder: Path, stem: str, signal: Signal) -> dict[str, Any]:
    """Write one modality's values to a file; return its entry in the manifest."""
    path = folder / f"{stem}.npy"
    np.save(path, signal.data)
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "shape": list(signal.shape),
        "sfreq": signal.sfreq,
        "ch_names": list(signal.ch_names),
        "bandwidth": signal.bandwidth,
        "freqs": None if signal.freqs is None else signal.freqs.tolist(),
        "valid": None if signal.valid is None else signal.valid.astype(int).tolist(),
        "provenance": list(signal.provenance),
    }


def _read(folder: Path, key: str) -> dict[str, Signal] | None:
    """Read a night, or return None where it is absent, foreign or damaged."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if (manifest["format"], manifest["key"]) != (_FORMAT, key):
            return None
        return {
            name: _read_signal(folder, entry, f"{key}:{name}")
            for name, entry in manifest["signals"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_signal(folder: Path, entry: dict[str, Any], fingerprint: str) -> Signal:
    """Map one modality, after a look at the size of its file."""
    path = folder / entry["file"]
    if path.stat().st_size != entry["bytes"]:
        msg = f"{path} should have {entry['bytes']} bytes."
        raise StoreError(msg)
    parts = ("sfreq", "ch_names", "bandwidth", "freqs", "valid", "provenance")
    return Signal(
        MappedArray.from_npy(path, fingerprint), **{name: entry[name] for name in parts}
    )


def _file_name(name: str) -> str:
    """Make a name that every file system takes (the key keeps it unique)."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:80] or "_"


def _host() -> str:
    """Name of this machine, as part of a file name."""
    return _file_name(socket.gethostname())


def _process() -> str:
    """Name of this process, as part of a file name."""
    return f"{_host()}-{os.getpid()}"


def _is_running(process: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
