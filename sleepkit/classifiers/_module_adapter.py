"""A user's module as a stager needs it, and a check of its two steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit.training import StagingNet
from sleepkit.training._forward import Forward
from sleepkit.training._inference import read_logits
from sleepkit.training._samplers import find_runs
from sleepkit.training._two_step_inference import EncodedRuns

_TOLERANCE = 0.01  # of the largest logit: products on a GPU may round to 10 bits


def names_present(module: Any) -> bool:
    """Whether the forward of a module (or class) names the argument ``present``."""
    return "present" in signature(module.forward).parameters


def adapt(
    module: nn.Module, layout: Mapping[str, tuple[int, ...]], n_classes: int
) -> ModuleAdapter:
    """Adapt a module, in two steps where it has both of them."""
    two_steps = hasattr(module, "encode") and hasattr(module, "decode")
    kind = TwoStepAdapter if two_steps else ModuleAdapter
    return kind(module, layout, n_classes)


class ModuleAdapter(nn.Module):
    """A module that takes a tensor, or a dict of several, instead of a batch.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    layout : mapping of str to tuple of int
        The modalities that it was trained on, and the shape of one epoch of each. Its
        input is a tensor if that is one modality; of several, those that a batch lacks
        are zeros that are not present.
    n_classes : int
        Size of the last axis of its logits.
    """

    def __init__(
        self, module: nn.Module, layout: Mapping[str, tuple[int, ...]], n_classes: int
    ) -> None:
        super().__init__()
        self.module = module
        self.layout = dict(layout)
        self.n_classes = n_classes

    def forward(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Tensor:
        """Logits of a batch of epochs or sequences."""
        try:
            logits = self._call(self.module, self._input(inputs, present), present)
        except ValueError as error:
            if not self.training or len(next(iter(present.values()))) > 1:
                raise
            msg = (
                f"{error} This batch has one row: batch normalisation needs batches of "
                "several, see the parameter 'batch_size'."
            )
            raise ValueError(msg) from error
        return self._checked(logits, present)

    def _input(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Any:
        """Return the only modality, or all by name, with zeros where there is none."""
        first, batch = next(iter(inputs.values())), next(iter(present.values())).shape
        if len(self.layout) == 1:
            return first
        return {
            name: inputs[name] if name in inputs else first.new_zeros(*batch, *shape)
            for name, shape in self.layout.items()
        }

    def _call(
        self, function: Callable[..., Any], x: Any, present: Mapping[str, Tensor]
    ) -> Any:
        """Call the module, or one of its steps, with what it names."""
        forward = function.forward if isinstance(function, nn.Module) else function
        if "present" not in signature(forward).parameters:
            return function(x)
        absent = torch.zeros_like(next(iter(present.values())))
        there = {name: present.get(name, absent) for name in self.layout}
        return function(x, present=there)

    def _checked(
        self, logits: Any, present: Mapping[str, Tensor], of: str = ""
    ) -> Tensor:
        """Require logits of the shape (batch, n_classes) or (batch, seq, n_classes)."""
        expected = (*next(iter(present.values())).shape, self.n_classes)
        if not isinstance(logits, Tensor) or logits.shape != expected:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits)
            axes = (
                "(batch, seq, n_classes)"
                if len(expected) == 3
                else "(batch, n_classes)"
            )
            msg = (
                f"{type(self.module).__name__}{of} must return logits of shape "
                f"{axes} = {expected}; got {got}."
            )
            raise ValueError(msg)
        return logits


class TwoStepAdapter(ModuleAdapter):
    """A module that encodes epochs, and decodes sequences of them."""

    @property
    def _steps(self) -> Any:
        """The module, for its steps."""
        return self.module

    def encode(
        self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> Any:
        """Encode epochs one by one."""
        return self._call(self._steps.encode, self._input(inputs, present), present)

    def decode(self, encoded: Any, present: Mapping[str, Tensor]) -> Tensor:
        """Logits of sequences of encoded epochs."""
        logits = self._call(self._steps.decode, encoded, present)
        return self._checked(logits, present, ".decode, which predictions call,")


class StepCheck(Callback):
    """Require that predictions compute what is trained, after each training pass.

    Training calls the forward of a module, predictions its ``encode``, epoch by epoch,
    and ``decode``. Both are compared on one sequence.
    """

    def on_epoch_end(
        self,
        net: StagingNet,
        dataset_train: Any = None,
        dataset_valid: Any = None,
        **kwargs: Any,
    ) -> None:
        """Compare the logits of both ways, where predictions take two steps."""
        if dataset_train.length is None or not isinstance(net.module_, TwoStepAdapter):
            return
        source = dataset_train.source
        runs = find_runs(source.night, source.has_signal)
        first, stop = max(runs, key=lambda run: run[1] - run[0])
        stop = min(stop, first + dataset_train.length)
        index = np.arange(first, stop)[np.newaxis]
        forward = Forward(net.module_, torch.device(net.device), "float32")
        with torch.no_grad():
            whole, _ = forward(source, index)
            run = EncodedRuns(
                forward, read_logits, source, [(first, stop)], index.size, map
            )
            steps, _ = run(index)
        if (whole - steps).abs().max() > _TOLERANCE * whole.abs().max():
            name = type(net.module_.module).__name__
            msg = (
                f"{name} has methods encode and decode, which predictions call, but "
                "decode(encode(x)) is not forward(x) where encode gets single epochs, "
                "(batch, 1, ...). Let encode read each epoch by itself, or give these "
                "methods other names."
            )
            raise ValueError(msg)
