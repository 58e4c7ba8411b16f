"""Pretraining without stages, and the start of a training from its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast
from warnings import warn

import numpy as np
from sklearn.base import clone
from torch import nn

from sleepkit._typing import Array
from sleepkit.classifiers._base import SleepClassifier
from sleepkit.classifiers._inputs import (
    check_shared_params,
    check_unlabelled,
    open_source,
    subjects_of,
)
from sleepkit.classifiers._split import make_split
from sleepkit.exceptions import SleepkitWarning
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
from sleepkit.utils import check_count, check_option, check_random_state, last_step

PRETRAINED: Final = ("pretrained_", "pretraining_losses_")
_OBJECTIVES: Final = ("contrastive", "masked")
_HEADS: Final = "heads."  # of the names of weights
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
        if not name.startswith(_HEADS)
    }
    of = "valid_loss" if "valid_loss" in net.history[-1] else "train_loss"
    stager.pretraining_losses_ = np.array(net.history[:, of])


def begin(stager: Any, module: nn.Module) -> None:
    """Give a new module the weights that a stager's training is to start from."""
    start = stager.warm_start_from
    if start is None and hasattr(stager, "pretrained_"):
        if stager.warm_start:
            start = stager
        else:
            warn(
                f"fit of {type(stager).__name__} begins with new weights and drops "
                "those of pretrain: start from them by warm_start=True, or by "
                "warm_start_from= in another one.",
                SleepkitWarning,
                stacklevel=7,
            )
    if start is None:
        return
    weights = _weights_of(start, stager)
    state = module.state_dict()
    for name, values in state.items():
        found = weights.get(name)
        if found is not None and found.shape == values.shape:
            state[name] = values.new_tensor(found)
        elif not name.startswith(_HEADS):
            got = "none" if found is None else f"one of shape {found.shape}"
            msg = (
                f"The 'warm_start_from' parameter of {type(stager).__name__} must have "
                "the modalities, the shapes of their epochs and the sizes of the new "
                f"net. Its weight {name} has the shape {tuple(values.shape)}; got {got}"
                f" from {_described(start)}."
            )
            raise ValueError(msg)
    module.load_state_dict(state)


def _weights_of(start: Any, stager: Any) -> Mapping[str, Array]:
    """Weights of a fitted or pretrained stager, of heads if classes are the same."""
    last = last_step(start)
    if isinstance(last, SleepClassifier) and hasattr(last, "net_"):
        same = np.array_equal(last.classes_, stager.classes_)
        state = last.module_.state_dict()
        return {
            name: values.cpu().numpy()
            for name, values in state.items()
            if same or not name.startswith(_HEADS)
        }
    if not hasattr(last, "pretrained_"):
        msg = (
            f"The 'warm_start_from' parameter of {type(stager).__name__} must be a "
            "stager of sleepkit after fit or pretrain, or None. "
            f"Got {_described(start)} instead."
        )
        raise ValueError(msg)
    weights: Mapping[str, Array] = last.pretrained_
    return weights


def _described(start: Any) -> str:
    """Name what was given, with the modalities of a stager."""
    layout = getattr(last_step(start), "layout_", None)
    shapes = ", ".join(f"{name} {shape}" for name, shape in (layout or {}).items())
    return f"a {type(start).__name__}" + (f" of {shapes}" if shapes else "")
