"""Base of the recurrent nets whose state is carried from a sequence to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from sleepkit.nn._recurrent import State
from sleepkit.nn._stacked_channels import Inputs


class CarriedNet(nn.Module, ABC):
    """Encode epochs one by one, then read them along the night with a state."""

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None  # forwards in time, after the last batch

    def __getstate__(self) -> dict[str, Any]:
        # a state of training, on its device, is of no use in a pickle or a copy
        return self.__dict__ | {"_state": None}

    @abstractmethod
    def encode(self, inputs: Inputs, present: Inputs | None = None) -> Tensor:
        """Encode epochs one by one."""

    @abstractmethod
    def _decode(
        self, encoded: Tensor, present: Inputs | None, state: State | None
    ) -> tuple[Tensor, State]:
        """Logits, and the final state forwards in time."""

    def forward(
        self,
        inputs: Inputs,
        present: Inputs | None = None,
        continues: Tensor | bool | None = None,
    ) -> Tensor:
        """Stage a batch of sequences.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.
        continues : bool or Tensor of bool, shape (batch,), default=None
            Whether each row i of this batch continues row i of the last one, whose
            final state of the forward direction it starts from; a batch may have fewer
            rows than the last. None neither reads nor keeps a state.

        Returns
        -------
        Tensor, shape (batch, seq, n_classes)
            Logits of the stages.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        encoded = self.encode(inputs, present)
        state = _carried(self._state, continues, len(encoded))
        logits, state = self._decode(encoded, present, state)
        if continues is not None:
            self._state = tuple(part.detach() for part in state)  # type: ignore[assignment]
        return logits

    def decode(self, encoded: Tensor, present: Inputs | None = None) -> Tensor:
        """Stage sequences of encoded epochs, of any length.

        Parameters
        ----------
        encoded : Tensor, shape (batch, seq, n_features)
            What `encode` returned.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality. Where it has none is padding, at any place.

        Returns
        -------
        Tensor, shape (batch, seq, n_classes)
            Logits of the stages.
        """
        return self._decode(encoded, present, None)[0]


def _carried(
    state: State | None, continues: Tensor | bool | None, n_rows: int
) -> State | None:
    """Take the state that each row of a batch starts from; zero where it begins."""
    if continues is None or state is None:
        return None
    rows = torch.as_tensor(continues).expand(n_rows).nonzero()[:, 0]
    hidden, cell = (part.new_zeros(len(part), n_rows, part.shape[2]) for part in state)
    hidden[:, rows], cell[:, rows] = (part[:, rows] for part in state)
    return hidden, cell
