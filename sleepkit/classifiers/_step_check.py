"""Comparison of the two steps of a module with its forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from sleepkit.classifiers._module_adapter import TwoStepAdapter
from sleepkit.training import StagingNet
from sleepkit.training._forward import Forward
from sleepkit.training._inference import read_logits
from sleepkit.training._samplers import find_runs
from sleepkit.training._two_step_inference import EncodedRuns

_TOLERANCE = 0.01  # of the largest logit: products on a GPU may round to 10 bits


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
