"""A user's module as the batches of a stager need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn


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
