"""Polyphase resampling of `Resampler` in a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sleepkit.export._facts import Facts
from sleepkit.export._nights import first, mirrored
from sleepkit.export._steps._step import Step
from sleepkit.signal._polyphase import block_matrix
from sleepkit.signal._resample import resampling_ratio


class Resample(Step):
    """Resample by `up` / `down`, in lowest terms, as `sleepkit.signal.resample`."""

    kernel: Tensor

    def __init__(self, up: int, down: int) -> None:
        super().__init__()
        product = block_matrix(up, down, np.dtype(np.float32))
        if product is None:
            msg = (
                f"resampling by {up} / {down} is by a filter too long for a graph; "
                "resample the signals before"
            )
            raise NotImplementedError(msg)
        self.before, matrix, self.step = product
        self.up, self.down = up, down
        # (n_new, 1, n_old) for blocks of new samples that a stretch of old ones makes
        self.register_buffer("kernel", torch.from_numpy(matrix.T[:, None].copy()))

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(n_channels, n_times) -> (n_channels, n_new_times)."""
        n_times = x.shape[1]
        n_new = (2 * n_times * self.up + self.down) // (2 * self.down)
        after = self.kernel.shape[-1] + self.step
        x = mirrored(x, self.before, after)
        blocks = functional.conv1d(x[:, None], self.kernel, stride=self.step)
        return first(blocks.transpose(1, 2).flatten(1), n_new)


def convert(
    transformer: Any,
    name: str,  # noqa: ARG001 - all conversions get it
    facts: Facts,
) -> tuple[list[Step], Facts]:
    """Resample one modality, unless it has the rate."""
    new = float(transformer.target_sfreq)
    if facts.sfreq is None:
        msg = "its input is not continuous"
        raise NotImplementedError(msg)
    ratio = resampling_ratio(facts.sfreq, new)
    bandwidth = min(facts.bandwidth or facts.sfreq / 2, new / 2)
    after = replace(facts, sfreq=new, bandwidth=bandwidth)
    if ratio == 1:
        return [], after
    return [Resample(ratio.numerator, ratio.denominator)], after
