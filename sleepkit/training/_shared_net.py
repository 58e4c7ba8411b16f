"""The skorch net that several processes train together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final

import joblib
import numpy as np
import torch
from torch import Tensor

from sleepkit.exceptions import SleepkitError
from sleepkit.training._net import StagingNet
from sleepkit.training._processes import (
    are_alike,
    copy_from_main,
    find_processes,
    gather_rows,
    sum_gradients,
)
from sleepkit.training._runtime import seeded
from sleepkit.training._structure import leaves, map_tensors

_PLAIN: Final = (bool, float, int, str)  # parameters that processes can compare


class SharedNet(StagingNet):
    """A `StagingNet` in each of several processes, which share the rows of each batch.

    Every process has all batches. It runs the module on its rows, gets the output for
    the others, and computes the loss of the whole batch: so losses and callbacks are
    those of one process, whatever they average over, and all stop at the same step. Its
    gradient is that of its own rows; they are added up before callbacks see them.
    """

    @property
    def is_main(self) -> bool:  # type: ignore[override]
        """Whether this process writes files and shows the progress."""
        return bool(find_processes().is_main_process)

    @property
    def n_processes(self) -> int:  # type: ignore[override]
        """Number of processes."""
        return int(find_processes().num_processes)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module on the rows of this process; give the output of all rows."""
        n_rows, index = len(next(leaves(x))), find_processes().process_index
        n_own = len(range(index, n_rows, self.n_processes))
        # Every process takes part, if need be with a row of another one.
        own = slice(index, None, self.n_processes) if n_own else slice(1)
        draws = self._own_draws(index) if self.module_.training else nullcontext()
        with draws:
            output = super().infer(_rows(x, own), **fit_params)
        return _gather(output, n_own, n_rows)

    def train_step_single(self, batch: Any, **fit_params: Any) -> Any:
        """Compute the gradients of a batch, as one process would."""
        step = super().train_step_single(batch, **fit_params)
        sum_gradients(self.module_.parameters())
        return step

    def run_single_epoch(
        self, iterator: Any, training: bool, *args: Any, **kw: Any
    ) -> None:
        """Run a pass; training ends with the net of the main process.

        Its weights differ from the others' by rounding at most, but not its statistics.
        """
        super().run_single_epoch(iterator, training, *args, **kw)
        if training:
            weights = self.module_.state_dict().values()
            copy_from_main([*weights, *self.criterion_.parameters()])

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call all callbacks; before the training, require that processes agree."""
        begins = method_name == "on_train_begin"
        if begins:
            self._require_alike(self._start(*cb_kwargs["X"]))
        super().notify(method_name, **cb_kwargs)
        if begins:  # a Checkpoint may have restored some passes
            self._require_alike(str(len(self.history)))

    def _own_draws(self, index: int) -> Any:
        """Draw dropout by a seed of this process and step.

        Then torch's generators are put back: they stay alike in all processes, for what
        is drawn for whole batches.
        """
        step = len(self.history), len(self.history[-1]["batches"])
        place = np.random.SeedSequence([torch.initial_seed(), *step, index])
        return seeded(int(place.generate_state(1)[0]), torch.device(self.device))

    def _start(self, train: Any, valid: Any) -> str:
        """Digest of the first weights, the data, the generators and the training."""
        sets = [getattr(train, "batches", train), *([] if valid is None else [valid])]
        data = [(b.source.fingerprint, b.targets, b.state_dict()) for b in sets]
        params = {n: v for n, v in self.get_params().items() if isinstance(v, _PLAIN)}
        params.pop("device")  # each process has its own
        draws = torch.get_rng_state().numpy()
        weights = [part.cpu().numpy() for part in self.module_.state_dict().values()]
        return str(joblib.hash([weights, data, params, draws]))

    def _require_alike(self, text: str) -> None:
        """Refuse processes that do not train the same net on the same data."""
        if not are_alike(text):
            msg = (
                "With device='accelerate' all processes must fit the same classifier "
                "with the same parameters to the same data, with the same "
                "random_state, a number, and go on from the same Checkpoint, if any. "
                "Here they differ."
            )
            raise SleepkitError(msg)


def _rows(x: Any, own: slice) -> Any:
    """Take some rows of each array."""
    if isinstance(x, Mapping):
        return {name: _rows(part, own) for name, part in x.items()}
    return x[own]


def _gather(output: Any, n_own: int, n_rows: int) -> Any:
    """Output of all rows, from that of the rows of this process."""
    tensors = [part for part in leaves(output) if part is not None]
    for tensor in tensors:
        shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else ()
        if shape[:1] != (max(n_own, 1),):
            msg = (
                "With device='accelerate' a module must return tensors, alone or in "
                "dicts and tuples, with one row for each row of its input, here "
                f"{max(n_own, 1)}. Got a {type(tensor).__name__} of shape {shape}."
            )
            raise SleepkitError(msg)
    # Side by side, since processes wait for each other each time.
    sizes = [math.prod(tensor.shape[1:]) for tensor in tensors]
    flat = [t.reshape(len(t), n) for t, n in zip(tensors, sizes, strict=True)]
    rows = gather_rows(torch.cat(flat, 1)[:n_own], n_rows)
    parts = iter(torch.split(rows, sizes, 1))
    return map_tensors(
        lambda own: next(parts).reshape(n_rows, *own.shape[1:]).to(own.dtype), output
    )
