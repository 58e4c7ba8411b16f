"""The on-disk store: each computed night once, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np

from sleepkit._typing import Array
from sleepkit.exceptions import StoreError, StoreWriteError
from sleepkit.recording._half import as_half
from sleepkit.recording._lazy_array import MappedArray
from sleepkit.recording._signal import Layout, Signal
from sleepkit.utils import NIGHT_PACKAGES, check_option, flush_to_disk, versions

try:
    import fcntl
except ImportError:  # Windows: two workers may compute a night twice, never wrongly
    fcntl = None  # type: ignore[assignment]

_DISTRIBUTIONS: Final = ("edfio", "mne", "numpy", "scipy")  # that compute signals
_DTYPES: Final = ("float32", "float16")
_FORMAT = 3
_MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_LOCKS = ".locks"


@dataclass(frozen=True)
class Store:
    """A folder of computed nights, one sub-folder each; as a step, it keeps a night.

    A night is written under a temporary name and renamed when complete, so a reader
    sees a whole night or none, whenever the writer was killed or the power failed. A
    manifest in each sub-folder holds source, steps, versions, all of the night but its
    signals, and size and checksum of every file, with its own checksum, so a damaged or
    foreign night is computed anew, not read. It has the face of a `Step`, but for
    float32 no fingerprint: it changes no signal.

    Parameters
    ----------
    directory : str
        The folder; made when first written to.
    dtype : {"float32", "float16"}, default="float32"
        Type of the values in the files, which are read as float32. ``"float16"`` takes
        half the bytes and keeps 11 bits of a value, so it is a step that changes
        signals: nights of one type are not those of the other. Values that it cannot
        hold are an error.

    Raises
    ------
    ValueError
        If `dtype` is none of these.

    Notes
    -----
    Writers hold a lock on the night that they compute; what a killed one left half
    written is removed by the next writer. Machines may share a folder if the locks of
    its file system reach all of them, as those of NFS 4 do.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.preprocessing import Resampler
    >>> from sleepkit.recording import Store
    >>> X, y, groups = make_polysomnography(1, hours=0.1, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     _ = Resampler(50).fit_transform(X).cached(folder).epochs("eeg")
    ...     Store(folder).verify()
    []
    """

    directory: str
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Check the type."""
        check_option("dtype", self.dtype, _DTYPES, owner="Store")

    @property
    def fingerprint(self) -> str | None:
        """Text that stands for the rounding; None where values stay as they are."""
        return None if self.dtype == "float32" else str(self)

    def __str__(self) -> str:
        """Name the store as a step."""
        return f"rounding to {self.dtype}"

    def layout(self, before: Layout) -> Layout:
        """Return the layout before, which a store does not change.

        Parameters
        ----------
        before : Layout
            Modalities and epochs before this step.

        Returns
        -------
        Layout
            The same.
        """
        return before

    def is_in_memory_or_stored(self, *, before: bool) -> bool:
        """Whether the result needs no computing: it is read, once it is stored.

        Parameters
        ----------
        before : bool
            Whether that holds before this step.

        Returns
        -------
        bool
            True.
        """
        return True

    def run(self, before: Any) -> Mapping[str, Signal]:
        """Read the signals of a `Recording`, or compute and write them.

        Parameters
        ----------
        before : Recording
            The recording whose signals are kept.

        Returns
        -------
        mapping of str to Signal
            The signals, mapped from their files.

        Raises
        ------
        StoreError
            If the folder cannot be written to or read from.
        RecordingError
            If float16 cannot hold the values.
        """
        after = before.cached(self.directory, self.dtype)
        about = {
            "id": before.id,
            "subject": before.subject,
            "night": describe_night(before),
            "source": before.with_signals(before.sources).fingerprint,
            "steps": list(after.pending),
            "versions": _code_versions(),
        }
        folder, key = self.place_of(after)
        return self._fetch(folder, key, about, lambda: before.signals)

    def place_of(self, recording: Any) -> tuple[Path, str]:
        """Return the sub-folder of a night with its steps, stored or not, and its key.

        Parameters
        ----------
        recording : Recording
            The night, this store its last step.

        Returns
        -------
        folder : pathlib.Path
            Where it is, once it is stored.
        key : str
            What its manifest must hold: a hash of source, steps and versions.
        """
        key = str(joblib.hash((recording.fingerprint, _code_versions())))
        name = f"{_file_name(recording.id)}-{key[:20]}"
        return Path(self.directory, name), key

    def verify(self) -> list[Path]:
        """Check every stored night, values included.

        Returns
        -------
        list of pathlib.Path
            Folders of the damaged nights. They are computed anew when next used, and
            may be deleted.
        """
        folders = sorted(Path(self.directory).glob("[!.]*/"))
        return [folder for folder in folders if _read(folder) is None]

    def _fetch(
        self,
        folder: Path,
        key: str,
        about: Mapping[str, Any],
        compute: Callable[[], Mapping[str, Signal]],
    ) -> Mapping[str, Signal]:
        """Read the night with a key, or compute and write it, described."""
        signals = _read(folder, key)
        if signals is None:
            with self.locked(folder.name):
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
        """Write a night under a temporary name, then rename it."""
        partial = folder.parent / _PARTIAL / f"{folder.name}.{uuid.uuid4().hex[:8]}"
        entries = {}
        try:
            with self._writing():
                partial.mkdir(parents=True)
            for i, (name, signal) in enumerate(signals.items()):
                path = partial / f"{i}-{_file_name(name)}.npy"
                # Outside of the next block, because the errors of values are their own.
                if self.dtype == "float16":
                    values = as_half(name, signal, about["id"])
                else:
                    values = np.ascontiguousarray(signal.data)
                with self._writing():
                    entries[name] = _write_signal(path, signal, values)
            manifest = {"format": _FORMAT, "key": key, **about, "signals": entries}
            manifest = json.loads(json.dumps(manifest, default=_plain))
            manifest["checksum"] = _checksum(manifest)
            text = json.dumps(manifest, indent=1)
            with self._writing():
                (partial / _MANIFEST).write_text(text, encoding="utf-8")
                flush_to_disk(*partial.iterdir(), partial)
                if folder.exists():  # damaged: `_read` refused it
                    shutil.rmtree(folder)
                partial.rename(folder)
                flush_to_disk(folder.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Lock a night: one process or thread computes it, the others wait.

        Parameters
        ----------
        name : str
            Name of its sub-folder.

        Yields
        ------
        None
            While it is locked.
        """
        with ExitStack() as stack:
            with self._writing():
                locks = Path(self.directory) / _LOCKS
                locks.mkdir(parents=True, exist_ok=True)
                handle = stack.enter_context((locks / name).open("w"))
                if fcntl is not None:
                    fcntl.flock(handle, fcntl.LOCK_EX)
            self._sweep(name)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise a StoreWriteError where the folder cannot be written to."""
        try:
            yield
        except OSError as error:
            msg = f"The store {self.directory} cannot be written to: {error}"
            raise StoreWriteError(msg) from error

    def _sweep(self, locked: str) -> None:
        """Remove what killed writers left: a night whose lock is free has no writer.

        The lock of the night `locked` is held by the caller.
        """
        if fcntl is None:
            return
        for partial in Path(self.directory, _PARTIAL).glob("*.*"):
            name = partial.name.rpartition(".")[0]
            if name == locked or self._is_free(name):
                shutil.rmtree(partial, ignore_errors=True)

    def _is_free(self, name: str) -> bool:
        """Whether no process or thread holds the lock of a night."""
        try:
            with Path(self.directory, _LOCKS, name).open("r") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _write_signal(path: Path, signal: Signal, values: Array) -> dict[str, Any]:
    """Write one modality's values to a file; return its entry in the manifest."""
    array = MappedArray.save(path, values, "")
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "shape": list(array.shape),
        "dtype": array.dtype,
        "offset": array.offset,
        "checksum": array.checksum,
        "sfreq": signal.sfreq,
        "ch_names": list(signal.ch_names),
        "bandwidth": signal.bandwidth,
        "freqs": None if signal.freqs is None else signal.freqs.tolist(),
        "valid": None if signal.valid is None else signal.valid.astype(int).tolist(),
        "provenance": list(signal.provenance),
    }


def describe_night(recording: Any) -> dict[str, Any]:
    """Describe all of a `Recording` but its id, its subject and its signals."""
    stages, start = recording.hypnogram, recording.start
    return {
        "hypnogram": None if stages is None else stages.tolist(),
        "epoch_duration": recording.epoch_duration,
        "start": None if start is None else start.isoformat(),
        "lights_off": recording.lights_off,
        "lights_on": recording.lights_on,
        "info": dict(recording.info),
    }


def _read(folder: Path, key: str | None = None) -> dict[str, Signal] | None:
    """Signals of a stored night; None where it is absent, foreign or damaged."""
    found = read_night(folder)
    if found is None:
        return None
    manifest, signals = found
    if key not in (None, manifest["key"]):
        return None
    try:
        for signal in signals.values():
            _ = signal.data  # checks the values
    except StoreError:
        return None
    return signals


def read_night(folder: Path) -> tuple[dict[str, Any], dict[str, Signal]] | None:
    """Read manifest and signals of a stored night, whose values are not checked yet.

    None where it is absent, or manifest or files are damaged.
    """
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        checksum = manifest.pop("checksum")
        if (manifest["format"], _checksum(manifest)) != (_FORMAT, checksum):
            return None
        signals = {
            name: _read_signal(folder, entry, f"{manifest['key']}:{name}")
            for name, entry in manifest["signals"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest, signals


def _plain(value: Any) -> Any:
    """Convert a value of `Recording.info` that JSON lacks to numbers or to text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _code_versions() -> Mapping[str, str]:
    """Versions of the code that computes signals."""
    return versions(*_DISTRIBUTIONS, packages=NIGHT_PACKAGES)


def _checksum(manifest: Mapping[str, Any]) -> str:
    """Digest of a manifest."""
    text = json.dumps(manifest, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_signal(folder: Path, entry: dict[str, Any], fingerprint: str) -> Signal:
    """Describe one modality, if its file has the right size."""
    path = folder / entry["file"]
    if path.stat().st_size != entry["bytes"]:
        msg = f"{path} should have {entry['bytes']} bytes."
        raise StoreError(msg)
    shape = tuple(entry["shape"])
    values = MappedArray(
        str(path),
        shape,
        entry["dtype"],
        entry["offset"],
        fingerprint,
        entry["checksum"],
    )
    parts = ("sfreq", "ch_names", "bandwidth", "freqs", "valid", "provenance")
    return Signal(values, **{name: entry[name] for name in parts})


def _file_name(name: str) -> str:
    """Name that every file system accepts (the key keeps it unique)."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:80] or "_"
