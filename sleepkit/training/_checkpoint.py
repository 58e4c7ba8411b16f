"""The state of a training in a file, from which an interrupted one goes on."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from skorch.callbacks import Callback

from sleepkit.exceptions import SleepkitError
from sleepkit.training._identity import find_environment, identify
from sleepkit.training._net import UserInterrupt
from sleepkit.training._progress_bar import ProgressBar
from sleepkit.training._training_state import (
    check_plain,
    pack,
    read_state,
    restore_state,
    unpack,
)
from sleepkit.utils import check_positive, write_atomically

_CRC_SIZE: Final = 4  # bytes; a digest would take longer than all the rest


class Checkpoint(Callback):
    """Keep the state of a training after each pass, and go on from it.

    A fit that was interrupted, by Ctrl-C, a scheduler or a power failure, is repeated
    with the same parameters, data and seed: it goes on after the last pass that is
    kept, in the stage of the training plan that it had reached. Weights and predictions
    are those of a fit without a break, bit for bit.

    Parameters
    ----------
    folder : path-like
        Folder of the files, made when there is none. Any number of fits may share it,
        also at the same time, such as the folds of a cross-validation.
    max_share : float, default=0.03
        Share of the time that may go into writing, above 0; 1 keeps every pass. Where
        passes take less time than that allows, some are not kept; the last one always
        is.

    Raises
    ------
    ValueError
        In `fit`, if `max_share` cannot be used.
    SleepkitError
        In `fit`, if the file of an interrupted training is damaged, or was written by
        other versions, with other code of the net, or on another kind of machine, so
        that the result would be that of neither; or if a callback has a state that
        cannot be kept.

    See Also
    --------
    sleepkit.preprocessing.Cache : The step that keeps computed nights.

    Notes
    -----
    A file, ``IDENTITY.checkpoint``, is named by a digest of all that the result of one
    training stage depends on: the net before its first step, losses, optimizer,
    callbacks, values, targets and order of the data. A fit with another parameter, seed
    or night has files of its own, and begins anew. It holds the weights, the state of
    the optimizer, of callbacks, of torch's and numpy's generators, the place in the
    data, and the history. Values are stored, no code. It replaces the one of the last
    pass atomically and is flushed to the disk: about four times the size of the weights
    where the best ones are kept too.

    Files stay after a fit, so that nothing is lost before its result is saved; the same
    fit again takes them as its result. Remove the folder afterwards.

    Of callbacks all attributes are kept that hold numbers, text, arrays and tensors,
    and the states of numpy's generators and of what has a ``state_dict``. An attribute
    that ends with an underscore, skorch's sign of a state, and holds anything else
    raises an error, unless it can be called. `ProgressBar` takes no part.

    Where stages are validated more often than once a pass, by `validate_every`, the
    state is kept after each validation. The classifier needs a `random_state`.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from sleepkit.classifiers import SleepMGClassifier
    >>> from sleepkit.training import Checkpoint
    >>> y = np.tile(["N3", "W"], 20)
    >>> X = np.random.default_rng(0).normal(size=(40, 1, 400))
    >>> with TemporaryDirectory() as folder:
    ...     stager = SleepMGClassifier(
    ...         max_epochs=2, callbacks=[Checkpoint(folder)], random_state=0
    ...     )
    ...     first = stager.fit(X, y).predict_proba(X)
    ...     again = stager.fit(X, y).predict_proba(X)  # takes no training
    >>> np.array_equal(first, again)
    True
    """

    def __init__(self, folder: str | PathLike[str], *, max_share: float = 0.03) -> None:
        self.folder = folder
        self.max_share = max_share

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:
        """Go on from the state of the same training, where there is one."""
        check_positive("max_share", self.max_share, owner="Checkpoint")
        train, valid = X
        parts = _parts_of_training(net)
        name = f"{identify(net, train, valid, parts)}.checkpoint"
        self.path_ = Path(self.folder, name)
        self.environment_ = find_environment(net, parts.values())
        self.n_before_ = len(net.history)
        self.rows_: list[torch.Tensor] = []
        self.next_ = -math.inf  # when a state may be written again
        if not self.path_.exists():
            self.path_.parent.mkdir(parents=True, exist_ok=True)
            return
        state = _read(self.path_)
        is_complete = state["stopped"] or len(state["history"]) == net.max_epochs
        if state["environment"] == self.environment_:
            restore_state(net, train, parts, state)
            self.rows_ = state["history"]
            net.history.extend(unpack(row.numpy().tobytes()) for row in self.rows_)
        elif not is_complete:
            raise SleepkitError(self._difference(state["environment"]))

    def on_epoch_end(self, net: Any, dataset_train: Any = None, **_: Any) -> None:
        """Keep the state after a pass, if it is the last one or there was time."""
        if not net.is_main:
            return
        start = time.monotonic()
        n_passes = len(net.history) - self.n_before_
        if start < self.next_ and not net.stopped_ and n_passes < net.max_epochs:
            return
        try:
            self._write(net, dataset_train)
        except KeyboardInterrupt as stop:  # no callback's, as nothing here stops a net
            raise UserInterrupt(*stop.args) from stop
        end = time.monotonic()
        self.next_ = end + (end - start) * (1 / self.max_share - 1)

    def _write(self, net: Any, batches: Any) -> None:
        """Write the state of a training."""
        for row in net.history[self.n_before_ + len(self.rows_) :]:
            check_plain(row, "a row of the history")
            # It never changes again, so it is packed once.
            content = bytearray(pack(row))
            self.rows_.append(torch.frombuffer(content, dtype=torch.uint8))
        state = read_state(net, batches, _parts_of_training(net))
        state |= {"history": self.rows_, "environment": self.environment_}
        packed = pack(state)
        write_atomically(self.path_, _crc(packed) + packed)

    def on_train_end(self, net: Any, **_: Any) -> None:
        """Free the memory of the history."""
        self.rows_ = []

    def _difference(self, before: Mapping[str, str]) -> str:
        """Explain why a state cannot be used."""
        now = self.environment_
        changed = [n for n in {**before, **now} if before.get(n) != now.get(n)]
        was = ", ".join(f"{name} {before.get(name)}" for name in changed)
        here = ", ".join(f"{name} {now.get(name)}" for name in changed)
        return (
            f"{self.path_} keeps an interrupted training under {was}; here it is "
            f"{here}, and its result would be that of neither. Go on as before, or "
            "remove the file to begin anew."
        )


def is_checkpoint(callback: Any) -> bool:
    """Whether a callback, perhaps a pair with its name, keeps the training."""
    if isinstance(callback, tuple):
        callback = callback[1]
    return isinstance(callback, Checkpoint)


def _parts_of_training(net: Any) -> dict[str, Any]:
    """Return the callbacks that the training may depend on, by name."""
    return {
        name: callback
        for name, callback in net.callbacks_
        if not isinstance(callback, (Checkpoint, ProgressBar))
    }


def _read(path: Path) -> dict[str, Any]:
    """Read a file, which must be whole."""
    content = path.read_bytes()
    crc, content = content[:_CRC_SIZE], content[_CRC_SIZE:]
    if crc != _crc(content):
        msg = f"{path} is damaged; remove it to begin the training anew."
        raise SleepkitError(msg)
    state: dict[str, Any] = unpack(content)
    return state


def _crc(content: bytes) -> bytes:
    """Checksum of the content of a file."""
    return zlib.crc32(content).to_bytes(_CRC_SIZE, "big")
