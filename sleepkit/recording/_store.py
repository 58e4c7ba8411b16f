"""The on-disk store: each computed night once, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import StoreError
from sleepkit.recording._lazy import MappedArray
from sleepkit.recording._signal import Signal

try:
    import fcntl
except ImportError:  # Windows: two workers may compute a night twice, never wrongly
    fcntl = None  # type: ignore[assignment]

_FORMAT = 1
_MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_LOCKS = ".locks"


@dataclass(frozen=True)
class Store:
    """A folder of computed nights, one sub-folder each.

    A night is written under a temporary name and renamed when complete, so a reader
    sees a whole night or none, whenever the writer was killed. A manifest in each
    sub-folder names source, steps, versions, and the size of every file; it carries
    its own checksum, so a damaged or foreign night is computed anew, not read.

    Parameters
    ----------
    directory : str
        The folder; made when first written to.
    """

    directory: str

    def fetch(
        self,
        name: str,
        key: str,
        about: Mapping[str, Any],
        compute: Callable[[], Mapping[str, Signal]],
    ) -> Mapping[str, Signal]:
        """Read a night, or compute and write it if it is not there.

        Parameters
        ----------
        name : str
            Name of the night, for people who look into the folder.
        key : str
            Identity of the result.
        about : mapping
            What else the manifest shall tell.
        compute : callable
            Gives the signals.

        Returns
        -------
        mapping of str to Signal
            The signals, their values mapped from the store.

        Raises
        ------
        StoreError
            If the folder cannot be written to.
        """
        folder = Path(self.directory) / f"{_file_name(name)}-{key[:20]}"
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
        return signals

    def _write(
        self,
        folder: Path,
        key: str,
        about: Mapping[str, Any],
        signals: Mapping[str, Signal],
    ) -> None:
        """Write a night under a temporary name, then rename it into place."""
        partial = folder.parent / _PARTIAL / f"{_process()}-{uuid.uuid4().hex[:8]}"
        entries = {}
        try:
            with self._writing():
                partial.mkdir(parents=True)
            for i, (name, signal) in enumerate(signals.items()):
                path = partial / f"{i}-{_file_name(name)}.npy"
                values = np.ascontiguousarray(signal.data)  # its errors are its own
                with self._writing():
                    entries[name] = _write_signal(path, signal, values)
            manifest = {"format": _FORMAT, "key": key, **about, "signals": entries}
            manifest["checksum"] = _checksum(manifest)
            text = json.dumps(manifest, indent=1)
            with self._writing():
                (partial / _MANIFEST).write_text(text, encoding="utf-8")
                if folder.exists():  # damaged: `_read` refused it
                    shutil.rmtree(folder)
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Let one process or thread compute a night while the others wait for it."""
        with ExitStack() as stack:
            with self._writing():
                locks = Path(self.directory) / _LOCKS
                locks.mkdir(parents=True, exist_ok=True)
                handle = stack.enter_context((locks / name).open("w"))
                if fcntl is not None:
                    fcntl.flock(handle, fcntl.LOCK_EX)
            self._sweep()
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Name the store where the folder does not take what is to be written."""
        try:
            yield
        except OSError as error:
            msg = f"The store {self.directory} cannot be written to: {error}"
            raise StoreError(msg) from error

    def _sweep(self) -> None:
        """Remove what killed processes of this machine left half written."""
        for partial in Path(self.directory, _PARTIAL).glob("*"):
            host, _, process = partial.name.rpartition("-")[0].rpartition("-")
            if host == _host() and process.isdigit() and not _is_running(int(process)):
                shutil.rmtree(partial, ignore_errors=True)


def _write_signal(path: Path, signal: Signal, values: FloatArray) -> dict[str, Any]:
    """Write one modality's values to a file; return its entry in the manifest."""
    np.save(path, values)
    array = MappedArray.from_npy(path, "")
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "shape": list(array.shape),
        "dtype": array.dtype,
        "offset": array.offset,
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
        checksum = manifest.pop("checksum")
        found = (manifest["format"], manifest["key"], _checksum(manifest))
        if found != (_FORMAT, key, checksum):
            return None
        return {
            name: _read_signal(folder, entry, f"{key}:{name}")
            for name, entry in manifest["signals"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _checksum(manifest: Mapping[str, Any]) -> str:
    """Condense what a manifest says, so that a changed byte shows."""
    text = json.dumps(manifest, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_signal(folder: Path, entry: dict[str, Any], fingerprint: str) -> Signal:
    """Map one modality, after a look at the size of its file."""
    path = folder / entry["file"]
    if path.stat().st_size != entry["bytes"]:
        msg = f"{path} should have {entry['bytes']} bytes."
        raise StoreError(msg)
    shape = tuple(entry["shape"])
    values = MappedArray(str(path), shape, entry["dtype"], entry["offset"], fingerprint)
    parts = ("sfreq", "ch_names", "bandwidth", "freqs", "valid", "provenance")
    return Signal(values, **{name: entry[name] for name in parts})


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
