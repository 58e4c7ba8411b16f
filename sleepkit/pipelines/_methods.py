"""The methods of `make_stager`: what each is given, and its small size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sleepkit import classifiers, preprocessing
from sleepkit.pipelines._method_features import (
    band_passed_signals,
    filtered_signals,
    powers,
    signals,
    spectra,
    training_spectra,
)

if TYPE_CHECKING:
    from sleepkit._typing import RandomState
    from sleepkit.pipelines._method_features import Steps

# Classes are looked up when a stager is made: the command line needs the names only,
# without torch and scikit-learn.
# How the paper of SleepMG trains, whatever the method.
COMMON_TRAINING: Final[Mapping[str, Any]] = {
    "lr": 1e-3,
    "betas": (0.5, 0.999),
    "weight_decay": 0.0,
    "batch_size": 256,
    "max_epochs": 50,
    "validation_fraction": 0.2,
    "patience": 50,
}


class Method(NamedTuple):
    """One method.

    `features` gives the steps between quality mask and cache, and the scaler after
    these or None; it is called with whether the small size is wanted, as the input of
    some papers is not scaled. `small` are the parameters of the classifier that differ
    from its defaults, the published ones. `common` tells whether SleepMG's paper
    compares the method.
    """

    features: Callable[[bool], tuple[Steps, Any]]
    classifier: Callable[..., Any]
    small: Mapping[str, Any] = {}
    common: bool = False


def _net(name: str, **params: Any) -> Any:
    """Make a classifier by the name of its class."""
    return getattr(classifiers, name)(**params)


def _trees(*, random_state: RandomState) -> Any:
    """Gradient boosting that is fitted on the selected rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        max_bins=63,
        early_stopping=False,  # its inner split would not be by subject
        random_state=random_state,
    )
    return preprocessing.FitOnSelected(trees)


METHODS: Final[Mapping[str, Method]] = {
    "attnsleep": Method(
        signals,
        partial(_net, "AttnSleepClassifier"),
        {
            "n_filters": (16, 32),
            "n_layers": 1,
            "batch_size": 32,
            "max_epochs": 8,
            "validation_fraction": 0,
        },
        common=True,
    ),
    "dan": Method(
        signals,
        partial(_net, "DANClassifier"),
        {"batch_size": 16, "max_epochs": 6, "validation_fraction": 0},
        common=True,
    ),
    "deepsleepnet": Method(
        signals,
        partial(_net, "DeepSleepNetClassifier"),
        {
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
    ),
    "featurenet": Method(
        signals,
        partial(_net, "FeatureNetClassifier"),
        {"lr": 1e-3, "batch_size": 32, "max_epochs": 6, "validation_fraction": 0},
        common=True,
    ),
    "lseqsleepnet": Method(
        partial(training_spectra, n_bins=129),
        partial(_net, "LSeqSleepNetClassifier"),
        {
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
    ),
    "masksleepnet": Method(
        signals,
        partial(_net, "MaskSleepNetClassifier"),
        {
            "n_filters": (16, 32),
            "n_layers": 1,
            "n_heads": 4,
            "dim_feedforward": 64,
            "batch_size": 32,
            "max_epochs": 8,
            "validation_fraction": 0,
        },
        common=True,
    ),
    "medfusesleep": Method(
        spectra,
        partial(_net, "MedFuseSleepClassifier"),
        {
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
    ),
    "mmasleepnet": Method(
        signals,
        partial(_net, "MMASleepNetClassifier"),
        {
            "n_filters": (16, 32),
            "dim_feedforward": 64,
            "lr": 1e-3,
            "batch_size": 32,
            "max_epochs": 8,
            "validation_fraction": 0,
        },
        common=True,
    ),
    "seqsleepnet": Method(
        partial(training_spectra, n_bins=129),
        partial(_net, "SeqSleepNetClassifier"),
        {
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
    ),
    "sleepmg": Method(
        filtered_signals,
        partial(_net, "SleepMGClassifier"),
        {
            "modality_dropout": 0.3,  # else the heads need all modalities
            "batch_size": 64,
            "max_epochs": 6,
            "validation_fraction": 0,
        },
    ),
    "sleepprintnet": Method(
        signals,
        partial(_net, "SleepPrintNetClassifier"),
        {
            "n_filters": (16, 32),
            "d_head": 32,
            "head_decay_ratio": 1.0,
            "batch_size": 32,
            "max_epochs": 6,
            "validation_fraction": 0,
        },
        common=True,
    ),
    "sleeptransformer": Method(
        partial(training_spectra, n_bins=128),
        partial(_net, "SleepTransformerClassifier"),
        {
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
    ),
    "sleepyco": Method(
        signals,
        partial(_net, "SleePyCoClassifier"),
        {
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
    ),
    "tinysleepnet": Method(
        signals,
        partial(_net, "TinySleepNetClassifier"),
        {
            "n_filters": (32, 32),
            "norm_momentum": 0.1,  # the published one needs hundreds of steps
            "batch_size": 2,
            "max_epochs": 12,
            "lr": 1e-3,
            "validation_fraction": 0,
        },
    ),
    "trees": Method(powers, _trees),
    "xsleepnet": Method(
        band_passed_signals,
        partial(_net, "XSleepNetClassifier"),
        {
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
    ),
}
