"""Training of one stage of a plan, through skorch."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import EarlyStopping, EpochScoring
from torch import nn
from torch.optim import Adam

from sleepkit._typing import BoolArray, IntArray
from sleepkit.exceptions import SleepkitError
from sleepkit.training._batches import Batches, Rounds
from sleepkit.training._checkpoint import is_checkpoint
from sleepkit.training._epoch_source import EpochSource
from sleepkit.training._inference import ReadOut
from sleepkit.training._net import StagingNet
from sleepkit.training._processes import SHARED, find_processes
from sleepkit.training._progress_bar import ProgressBar
from sleepkit.training._runtime import find_device, threads
from sleepkit.training._shared_net import SharedNet
from sleepkit.training._threads import choose_threads
from sleepkit.training._training_stage import TrainingStage


@dataclass(frozen=True)
class TrainingData:
    """Epochs with the targets of those that train, and of those that validate."""

    source: EpochSource
    train: Mapping[str, IntArray]
    valid: Mapping[str, IntArray] | None

    @classmethod
    def of_rows(
        cls,
        source: EpochSource,
        train: BoolArray,
        valid: BoolArray,
        targets: Mapping[str, IntArray],
    ) -> Self:
        """Take the rows that train, and those that validate if there are any."""
        validation = _of_epochs(source, valid, targets) if valid.any() else None
        return cls(source, _of_epochs(source, train, targets), validation)

    def batches(
        self, stage: TrainingStage, rng: np.random.Generator
    ) -> tuple[Batches, Batches | None]:
        """Training batches of a stage, and those of the validation, if there is one."""
        layout: dict[str, Any] = {
            "batch_size": stage.batch_size,
            "length": stage.sequence_length,
            "carry_state": stage.carry_state,
        }
        train = Batches(
            self.source, self.train, sampler=stage.sampler, rng=rng, **layout
        )
        if self.valid is None:
            return train, None
        in_order = stage.sampler if stage.carry_state else "shuffled"
        return train, Batches(self.source, self.valid, sampler=in_order, **layout)


def _of_epochs(
    source: EpochSource, rows: BoolArray, targets: Mapping[str, IntArray]
) -> dict[str, IntArray]:
    """Targets of the epochs behind some rows, -1 for all other epochs."""
    numbers = source.row_to_epoch[rows]
    given: dict[str, IntArray] = {}
    for name, values in targets.items():
        given[name] = np.full(len(source.night), -1, np.int32)
        given[name][numbers] = values[rows]
        if np.any(given[name][numbers] != values[rows]):
            msg = (
                "y gives an epoch that is in several rows of X different classes."
                if name == "stages"
                else f"An epoch that is in several rows of X has different {name!r}."
            )
            raise ValueError(msg)
    return given


@dataclass(frozen=True)
class TrainingOptions:
    """What the stages of a plan share."""

    owner: str
    precision: str
    patience: int
    callbacks: Sequence[Any]
    device: torch.device
    shared: bool  # by several processes
    n_threads: int | None
    verbose: bool

    @classmethod
    def of(cls, stager: Any) -> Self:
        """Options of a stager's parameters."""
        return cls(
            owner=type(stager).__name__,
            precision=stager.precision,
            patience=stager.patience,
            callbacks=stager.callbacks or [],
            device=find_device(stager.device),
            shared=stager.device == SHARED and find_processes().num_processes > 1,
            n_threads=stager.n_threads,
            verbose=stager.verbose,
        )


def train_stage(
    stage: TrainingStage,
    module: nn.Module,
    loss: nn.Module,
    read_out: ReadOut,
    data: TrainingData,
    options: TrainingOptions,
    rng: np.random.Generator,
) -> StagingNet:
    """Train a module, or a part of it; give the skorch net, on the CPU."""
    part = module if stage.part is None else stage.part(module)
    _check_groups(stage, part, loss)
    train, valid = data.batches(stage, rng)
    batches: Batches | Rounds = train
    n_steps, n_rounds = len(train) * stage.max_epochs, stage.max_epochs
    if stage.validate_every is not None:
        batches = Rounds(train, stage.max_epochs, stage.validate_every)
        n_rounds = batches.n_rounds
    net = (SharedNet if options.shared else StagingNet)(
        part,
        loss,
        read_out if stage.scored else None,
        "bfloat16" if options.precision == "bfloat16" else "float32",
        **_optimizer(stage),
        max_epochs=n_rounds,
        callbacks=_callbacks(stage, n_steps, options, validated=valid is not None),
        callbacks__print_log=None,
        verbose=0,
        device=str(options.device),
    )
    n_threads = options.n_threads or choose_threads(
        part, data.source, stage.batch_size, stage.sequence_length, options.device
    )
    with threads(n_threads):
        net.partial_fit((batches, valid))
    net.to_cpu()
    if not all(weights.isfinite().all() for weights in part.parameters()):
        msg = f"The training of {options.owner} diverged; try a smaller lr."
        raise SleepkitError(msg)
    return net


def _check_groups(stage: TrainingStage, part: nn.Module, loss: nn.Module) -> None:
    """Require that each pattern of the parameter groups has a parameter."""
    names = [name for owner in (part, loss) for name, _ in owner.named_parameters()]
    for pattern, _ in stage.parameter_groups:
        if not fnmatch.filter(names, pattern):
            msg = (
                f"The pattern {pattern!r} in 'parameter_groups' of TrainingStage "
                f"matches no parameter of {type(part).__name__}: {', '.join(names)}."
            )
            raise ValueError(msg)


def _optimizer(stage: TrainingStage) -> dict[str, Any]:
    """Parameters of skorch that make the optimizer of a stage."""
    params = dict(stage.optimizer_params or {})
    if stage.parameter_groups:
        params["param_groups"] = [(n, dict(p)) for n, p in stage.parameter_groups]
    named = {f"optimizer__{name}": value for name, value in params.items()}
    return {"optimizer": stage.optimizer or Adam, "lr": stage.lr, **named}


def _callbacks(
    stage: TrainingStage, n_steps: int, options: TrainingOptions, *, validated: bool
) -> list[Any]:
    """Make the callbacks of the stage, of the user, and those of the validation."""
    callbacks: list[Any] = []
    if stage.callbacks is not None:
        callbacks += stage.callbacks(n_steps)
    if validated and stage.scored:
        accuracy = EpochScoring(
            "accuracy", name="valid_accuracy", lower_is_better=False
        )
        callbacks.append(("valid_accuracy", accuracy))
    if options.verbose:
        callbacks.append(ProgressBar())
    callbacks += clone(list(options.callbacks), safe=False)
    if validated:  # last, so that the best weights win over what others put back
        stopping = EarlyStopping(patience=options.patience, threshold=0, load_best=True)
        callbacks.append(("best_weights", stopping))
    return sorted(callbacks, key=is_checkpoint)  # which keep the state of all others
