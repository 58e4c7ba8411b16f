"""Pretraining without stages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import numpy as np
from sklearn.base import clone
from torch import nn

from sleepkit.classifiers._inputs import (
    check_shared_params,
    check_unlabelled,
    open_source,
    subjects_of,
)
from sleepkit.classifiers._split import make_split
from sleepkit.classifiers._start_weights import HEADS
from sleepkit.nn import (
    LeaveOneOutLoss,
    MaskedSpectra,
    MaskedSpectraLoss,
    ModalityProjector,
)
from sleepkit.recording import EpochArray
from sleepkit.training import EpochSource, StagingNet, TrainingStage
from sleepkit.training._fit import TrainingData, TrainingOptions, train_stage
from sleepkit.training._inference import read_logits
from sleepkit.training._runtime import seeded
from sleepkit.utils import check_count, check_option, check_random_state

PRETRAINED: Final = ("pretrained_", "pretraining_losses_")
_OBJECTIVES: Final = ("contrastive", "masked")
_SEED_BOUND: Final = 2**63


def pretrain(
    stager: Any, X: Any, groups: Any, *, objective: str, batch_size: int
) -> None:
    """Train the encoders of a stager without stages; keep their weights in it."""
    owner = type(stager).__name__
    stager._check_params()
    check_shared_params(stager)
    check_option("objective", objective, _OBJECTIVES, owner="pretrain")
    check_count("batch_size", batch_size, owner="pretrain")
    made = clone(stager)
    made.classes_ = np.arange(1)  # of heads that are dropped
    X = check_unlabelled(made, X)
    subject = subjects_of(X, groups)
    mask = X.train_mask if isinstance(X, EpochArray) else np.ones(len(X), np.bool_)
    rng = check_random_state(stager.random_state)
    nothing = np.zeros(len(X), np.int32)  # every row counts as labelled
    with open_source(stager, X) as source:
        made._fit_layout(source)
        fraction = stager.validation_fraction
        split = make_split(source, nothing, subject, mask, fraction, rng, owner=owner)
        data = TrainingData.of_rows(
            source, split.train, split.valid, {"stages": nothing}
        )
        options = TrainingOptions.of(stager)
        with seeded(int(rng.integers(_SEED_BOUND)), options.device):
            module = made._build_module()
            made._begin(module)
            stage = _stage(made, source, objective, batch_size)
            loss = cast("Callable[[], nn.Module]", stage.loss)()
            net = train_stage(stage, module, loss, read_logits, data, options, rng)
    _keep(stager, made, module, net)


def _stage(
    made: Any, source: EpochSource, objective: str, batch_size: int
) -> TrainingStage:
    """Training stage of an objective, on epochs in random order."""
    loss: Callable[[], nn.Module] = MaskedSpectraLoss
    part: Callable[..., nn.Module] = partial(MaskedSpectra, d_model=made.d_model)
    if objective == "contrastive":
        if len(made.layout_) == 1:
            msg = (
                "objective='contrastive' of pretrain needs two modalities or more, "
                f"which it compares. Got {', '.join(made.layout_)}."
            )
            raise ValueError(msg)
        part = partial(ModalityProjector, d_model=made.d_model)
        learned = made.temperature == "learned"
        first = {} if learned else {"temperature": made.temperature}
        loss = partial(LeaveOneOutLoss, learn_temperature=learned, **first)
    stage: TrainingStage = made._stage(
        source,
        part=part,
        loss=loss,
        scored=False,
        sequence_length=1,
        batch_size=batch_size,
        callbacks=made._schedules,
    )
    return stage


def _keep(stager: Any, made: Any, module: nn.Module, net: StagingNet) -> None:
    """Put what was trained in place of all that earlier fits left."""
    for name in [n for n in vars(stager) if n.endswith("_") and not n.startswith("_")]:
        delattr(stager, name)
    for name in ("layout_", "n_features_in_", "feature_names_in_"):
        if hasattr(made, name):
            setattr(stager, name, getattr(made, name))
    state = module.state_dict()
    stager.pretrained_ = {
        name: values.cpu().numpy()
        for name, values in state.items()
        if not name.startswith(HEADS)
    }
    of = "valid_loss" if "valid_loss" in net.history[-1] else "train_loss"
    stager.pretraining_losses_ = np.array(net.history[:, of])
