"""Sizes of `make_stager`: parameters of each method that differ from the published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SIZES: Final = ("small", "published", "common")

SMALL: Final[Mapping[str, Mapping[str, Any]]] = {
    "attnsleep": {
        "n_filters": (16, 32),
        "n_layers": 1,
        "batch_size": 32,
        "max_epochs": 8,
        "validation_fraction": 0,
    },
    "dan": {"batch_size": 16, "max_epochs": 6, "validation_fraction": 0},
    "deepsleepnet": {
        "n_filters": (16, 32),
        "hidden_size": 64,
        "n_layers": 1,
        "norm_momentum": 0.1,  # the published one needs thousands of steps
        "pretrain_epochs": 6,
        "pretrain_batch_size": 32,
        "batch_size": 2,
        "max_epochs": 12,
        "lr": 1e-3,
        "encoder_lr": 3e-4,
    },
    "featurenet": {
        "lr": 1e-3,
        "batch_size": 32,
        "max_epochs": 6,
        "validation_fraction": 0,
    },
    "lseqsleepnet": {
        "sequence_length": 100,
        "n_filters": 16,
        "hidden_size": 32,
        "attention_size": 16,
        "d_head": 32,
        "stride": None,
        "dropout": 0.1,
        "norm_momentum": 0.1,
        "lr": 3e-3,
        "batch_size": 2,
        "max_epochs": 16,
        "validation_fraction": 0,
        "validate_every": None,
    },
    "masksleepnet": {
        "n_filters": (16, 32),
        "n_layers": 1,
        "n_heads": 4,
        "dim_feedforward": 64,
        "batch_size": 32,
        "max_epochs": 8,
        "validation_fraction": 0,
    },
    "medfusesleep": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 1,
        "dim_feedforward": 64,
        "dropout": 0.1,
        "d_head": 32,
        "lr": 3e-3,
        "batch_size": 8,
        "max_epochs": 12,
        "validation_fraction": 0,  # so few passes need no early stopping
    },
    "mmasleepnet": {
        "n_filters": (16, 32),
        "dim_feedforward": 64,
        "lr": 1e-3,
        "batch_size": 32,
        "max_epochs": 8,
        "validation_fraction": 0,
    },
    "seqsleepnet": {
        "n_filters": 16,
        "hidden_size": 32,
        "attention_size": 16,
        "shared_output": True,
        "stride": None,
        "dropout": 0.1,
        "norm_momentum": 0.1,
        "lr": 3e-3,
        "batch_size": 4,
        "max_epochs": 12,
        "validation_fraction": 0,
        "validate_every": None,
    },
    "sleepmg": {
        "modality_dropout": 0.3,  # else the heads need all modalities
        "batch_size": 64,
        "max_epochs": 6,
        "validation_fraction": 0,
    },
    "sleepprintnet": {
        "n_filters": (16, 32),
        "d_head": 32,
        "head_decay_ratio": 1.0,
        "batch_size": 32,
        "max_epochs": 6,
        "validation_fraction": 0,
    },
    "sleeptransformer": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 1,
        "dim_feedforward": 64,
        "attention_size": 16,
        "d_head": 32,
        "stride": None,
        "lr": 3e-3,
        "batch_size": 8,
        "max_epochs": 12,
        "validation_fraction": 0,
        "validate_every": None,
    },
    "sleepyco": {
        "sequence_length": 3,
        "augmentation": {"offset": (-0.3, 0.3), "noise": (0.0, 0.1)},  # scaled
        "n_filters": (4, 8, 16, 32, 32),
        "d_model": 32,
        "n_layers": 1,
        "pretrain_epochs": 5,
        "pretrain_batch_size": 64,
        "batch_size": 32,
        "max_epochs": 3,
        "lr": 3e-3,
        "validation_fraction": 0,
    },
    "tinysleepnet": {
        "n_filters": (32, 32),
        "norm_momentum": 0.1,  # the published one needs hundreds of steps
        "batch_size": 2,
        "max_epochs": 12,
        "lr": 1e-3,
        "validation_fraction": 0,
    },
    "xsleepnet": {
        "n_filters": (8, 8, 16, 16, 32, 32, 32),
        "raw_hidden_size": 32,
        "n_layers": 1,
        "n_spectral_filters": 16,
        "hidden_size": 32,
        "attention_size": 16,
        "conv_dropout": 0.1,
        "dropout": 0.1,
        "norm_momentum": 0.1,
        "signal_scale": 20.0,  # of scaled signals, to microvolts
        "stride": None,
        "lr": 2e-3,
        "batch_size": 4,
        "max_epochs": 8,
        "validate_every": None,
    },
}

# The training that SleepMG's paper states. It says nothing of the loss, the variant of
# Adam and the clipping of gradients, which stay those of the method.
_COMMON_TRAINING: Final[dict[str, Any]] = {
    "lr": 1e-3,
    "betas": (0.5, 0.999),
    "weight_decay": 0.0,
    "batch_size": 256,
    "max_epochs": 50,
    "validation_fraction": 0.2,
    "patience": 50,
}
_ONE_RATE: Final = _COMMON_TRAINING | {"lr_drop_epoch": None}

# The methods that the paper compares, without DeepSleepNet, which trains in two stages.
COMMON: Final[Mapping[str, Mapping[str, Any]]] = {
    "attnsleep": _ONE_RATE,
    "dan": _COMMON_TRAINING,
    "featurenet": _COMMON_TRAINING,
    "masksleepnet": _ONE_RATE,
    "mmasleepnet": _COMMON_TRAINING,
    "sleepprintnet": _COMMON_TRAINING,
}
