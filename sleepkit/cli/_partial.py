"""The folder beside a model in which an interrupted training is kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EEXIST
from pathlib import Path
from typing import Any, Final

from sleepkit.exceptions import SleepkitError

try:
    import fcntl
except ImportError:  # Windows: a second command is refused while the folder is there
    fcntl = None  # type: ignore[assignment]

_SETTINGS: Final = "training.json"  # also the sign that the folder may be removed


def partial_folder(model: Path) -> Path:
    """Folder that keeps the training of a model."""
    return model.with_name(f"{model.name}.partial")


def check_partial(model: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that is of another origin, or whose training would be lost."""
    folder = partial_folder(model)
    if not os.path.lexists(folder):
        return
    reason = None
    if not (folder / _SETTINGS).is_file():
        reason = "it exists already, and is not of sleepkit train"
    elif not resume and not overwrite:
        reason = (
            "it keeps a training that was interrupted; --resume goes on from it, "
            "--overwrite begins anew"
        )
    if reason is not None:
        raise FileExistsError(EEXIST, reason, str(folder))


@contextmanager
def kept_training(
    model: Path, settings: Mapping[str, Any], *, resume: bool
) -> Iterator[Path]:
    """Give the folder of a training, which stays after an interrupt or a full disk.

    It is removed when the training is complete, or failed in a way that it would again.
    """
    folder = partial_folder(model)
    folder.mkdir(exist_ok=True)
    with (folder / _SETTINGS).open("a+", encoding="utf-8") as file:
        _lock(file, folder)
        _compare(file, settings, folder, resume=resume)
        try:
            yield folder
        except SleepkitError:
            shutil.rmtree(folder)
            raise
        except KeyboardInterrupt as stop:
            stop.add_note(f"{folder} keeps what is done; --resume goes on from it.")
            raise
    shutil.rmtree(folder)


def _lock(file: Any, folder: Path) -> None:
    """Refuse a folder in which another process is training; its end frees the lock."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = f"{folder}: another sleepkit train is at work on this model."
        raise SleepkitError(msg) from error


def _compare(
    file: Any, settings: Mapping[str, Any], folder: Path, *, resume: bool
) -> None:
    """Require the settings of the training that is kept; note those of a new one."""
    file.seek(0)
    text = file.read()
    if resume and text:
        before = _read_settings(text)
        changed = [name for name in settings if settings[name] != before.get(name)]
        if changed:
            msg = (
                f"{folder} keeps a training with other {', '.join(changed)}; without "
                "--resume, --overwrite begins anew."
            )
            raise SleepkitError(msg)
        return
    for path in folder.iterdir():
        if path.name != _SETTINGS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    file.truncate(0)
    file.write(json.dumps(settings))
    file.flush()


def _read_settings(text: str) -> dict[str, Any]:
    """Read the settings of a training; none if they are damaged."""
    try:
        settings = json.loads(text)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}
