"""Ready-made stagers by name, and what a stager needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sleepkit import classifiers, preprocessing, utils

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from sleepkit._typing import RandomState


# scikit-learn and torch are imported when a stager is made: the command line needs the
# names only.
_SFREQ: Final = 100  # Hz, of every night that a net gets
SIZES: Final = ("small", "published")


def make_stager(
    name: str,
    *,
    size: str = "small",
    cache: str | PathLike[str] | None = None,
    random_state: RandomState = None,
) -> Pipeline:
    """Make an unfitted Pipeline that stages nights, from raw signals to stages.

    Parameters
    ----------
    name : {"deepsleepnet", "medfusesleep", "sleepmg", "trees"}
        The method: `DeepSleepNetClassifier` on signals, which needs all modalities;
        `MedFuseSleepClassifier` on spectra, `SleepMGClassifier` on signals, or gradient
        boosting on the band powers of five epochs, which take any subset.
    size : {"small", "published"}, default="small"
        ``"small"`` trains on a laptop in minutes; ``"published"`` has the sizes and
        training of the method's paper, for which a GPU is recommended. Both are the
        same for ``"trees"``.
    cache : path-like, default=None
        Folder that keeps what is computed of each night; None computes it every time.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        Seed of the classifier.

    Returns
    -------
    Pipeline
        Steps ``"quality"``, the features, ``"cache"``, ``"scale"`` for the nets, and
        ``"stage"``, the classifier. Any parameter can be set afterwards, as in
        ``stager.set_params(stage__n_threads=1)``.

    Raises
    ------
    ValueError
        If there is no such method or size.

    See Also
    --------
    sleepkit.datasets.load_folder : Read scored nights from a folder.
    sleepkit.preprocessing.Cache : The step that keeps what is computed.

    Notes
    -----
    The features that the classifier gets are relative to the night, which helps most
    on subjects that it was not trained on.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.pipelines import make_stager
    >>> X, y, groups = make_polysomnography(2, hours=0.2, random_state=0)
    >>> stager = make_stager("trees", random_state=0).fit(X, y)
    >>> stager.predict(X).shape
    (48,)
    """
    utils.check_option("name", name, STAGERS, owner="make_stager")
    utils.check_option("size", size, SIZES, owner="make_stager")
    from sklearn.pipeline import Pipeline

    features, scaler, classifier = STAGERS[name](size == "small", random_state)
    keep = "passthrough" if cache is None else preprocessing.Cache(cache)
    return Pipeline(
        [
            ("quality", preprocessing.QualityMask()),
            *features,
            ("cache", keep),
            *([] if scaler is None else [("scale", scaler)]),
            ("stage", classifier),
        ]
    )


class _Parts(NamedTuple):
    """What differs between the stagers."""

    features: list[tuple[str, Any]]  # steps between quality and cache
    scaler: Any
    classifier: Any


def _medfusesleep(small: bool, random_state: RandomState) -> _Parts:
    sizes: dict[str, Any] = {
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
    }
    return _Parts(
        [
            ("resample", preprocessing.Resampler(_SFREQ)),
            ("spectra", preprocessing.STFTEpocher(hop=2.0 if small else 1.0)),
        ],
        preprocessing.SpectrumScaler("recording"),
        classifiers.MedFuseSleepClassifier(
            random_state=random_state, **(sizes if small else {})
        ),
    )


def _sleepmg(small: bool, random_state: RandomState) -> _Parts:
    sizes: dict[str, Any] = {
        "modality_dropout": 0.3,  # else the heads need all modalities
        "batch_size": 64,
        "max_epochs": 6,
        "validation_fraction": 0,
    }
    return _Parts(
        [
            ("filter", preprocessing.BandpassFilter((0.3, 35))),
            ("resample", preprocessing.Resampler(_SFREQ)),
        ],
        preprocessing.SignalScaler(),
        classifiers.SleepMGClassifier(
            random_state=random_state, **(sizes if small else {})
        ),
    )


def _deepsleepnet(small: bool, random_state: RandomState) -> _Parts:
    sizes: dict[str, Any] = {
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
    }
    return _Parts(
        [("resample", preprocessing.Resampler(_SFREQ))],
        preprocessing.SignalScaler() if small else None,
        classifiers.DeepSleepNetClassifier(
            random_state=random_state, **(sizes if small else {})
        ),
    )


def _trees(_small: bool, random_state: RandomState) -> _Parts:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        max_bins=63,
        early_stopping=False,  # its inner split would not be by subject
        random_state=random_state,
    )
    power = preprocessing.BandPower(normalize="append", context=2)
    return _Parts([("power", power)], None, preprocessing.FitOnSelected(trees))


STAGERS: Final[Mapping[str, Callable[[bool, RandomState], _Parts]]] = {
    "deepsleepnet": _deepsleepnet,
    "medfusesleep": _medfusesleep,
    "sleepmg": _sleepmg,
    "trees": _trees,
}


def takes_any_subset(stager: Any) -> bool:
    """Whether a stager predicts from any subset of its modalities."""
    return bool(getattr(utils.last_step(stager), "any_subset", True))
