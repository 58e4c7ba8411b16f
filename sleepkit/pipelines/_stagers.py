"""Ready-made stagers by name, and what a stager needs."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from sleepkit import preprocessing, utils
from sleepkit.pipelines._method_sizes import COMMON, SIZES, SMALL
from sleepkit.pipelines._methods import METHODS

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from sleepkit._typing import RandomState


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
    name : {"attnsleep", "dan", "deepsleepnet", "featurenet", "lseqsleepnet", \
"masksleepnet", "medfusesleep", "mmasleepnet", "seqsleepnet", "sleepmg", \
"sleepprintnet", "sleeptransformer", "sleepyco", "tinysleepnet", "trees", "xsleepnet"}
        The method. `MedFuseSleepClassifier` on spectra, `SleepMGClassifier` and
        `MaskSleepNetClassifier` on signals, and gradient boosting on the band powers of
        five epochs, ``"trees"``, take any subset of the modalities; the others, each
        the classifier of that name, need all.
    size : {"small", "published", "common"}, default="small"
        ``"small"`` trains on a laptop in minutes; ``"published"`` has the sizes and
        training of the method's paper, for which a GPU is recommended. Both are the
        same for ``"trees"``. ``"common"`` has the published sizes and one training, as
        the paper of SleepMG states it: Adam with a constant rate of 1e-3 and betas of
        0.5 and 0.999, batches of 256, 50 passes, the best by a held-out fifth of the
        subjects. It says nothing of weight decay, which is 0, nor of class weights,
        AMSGrad and the clipping of gradients, which stay those of the method. This size
        is for the methods that the paper compares, without ``"deepsleepnet"``: its two
        stages do not fit one training.
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
        If there is no such method or size, or the method does not have the size.

    See Also
    --------
    sleepkit.datasets.load_folder : Read scored nights from a folder.
    sleepkit.preprocessing.Cache : The step that keeps what is computed.

    Notes
    -----
    In the small size the features that the classifier gets are relative to the night,
    which helps most on subjects that it was not trained on. In the others this holds
    for ``"medfusesleep"``, ``"sleepmg"`` and ``"trees"``; as in their papers, other
    nets get signals that are not scaled, or spectra scaled by the training nights.

    Nights are resampled to 100 Hz, for ``"sleepprintnet"`` to its 128 Hz. This net is
    without its map of the scalp: set ``stage__electrodes`` to the names of the EEG
    channels for it.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.pipelines import make_stager
    >>> X, y, groups = make_polysomnography(2, hours=0.2, random_state=0)
    >>> stager = make_stager("trees", random_state=0).fit(X, y)
    >>> stager.predict(X).shape
    (48,)
    """
    utils.check_option("name", name, METHODS, owner="make_stager")
    utils.check_option("size", size, SIZES, owner="make_stager")
    # scikit-learn is imported when a stager is made: the command line needs names only
    from sklearn.pipeline import Pipeline

    if size == "common" and name not in COMMON:
        msg = (
            "The size 'common' of make_stager is for the methods that SleepMG's paper "
            f"compares and that train in one stage: {', '.join(COMMON)}. Got {name!r}."
        )
        raise ValueError(msg)
    changes = {"small": SMALL, "common": COMMON}.get(size, {}).get(name, {})
    classifier = METHODS[name].classifier(random_state=random_state, **changes)
    return Pipeline([*method_steps(name, size, cache), ("stage", classifier)])


def method_steps(
    name: str, size: str, cache: str | PathLike[str] | None = None
) -> list[tuple[str, Any]]:
    """Make the steps before the classifier, which need no torch."""
    features, scaler = METHODS[name].features(size == "small")
    keep = "passthrough" if cache is None else preprocessing.Cache(cache)
    return [
        ("quality", preprocessing.QualityMask()),
        *features,
        ("cache", keep),
        *([] if scaler is None else [("scale", scaler)]),
    ]


def takes_any_subset(stager: Any) -> bool:
    """Whether a stager predicts from any subset of its modalities."""
    # For a classifier of plain arrays, the features before it fill in what is missing;
    # where nights have them already, it is alone.
    alone = len(getattr(stager, "steps", ())) == 1
    return bool(getattr(utils.last_step(stager), "any_subset", not alone))
