"""The methods of `make_stager`: what each is given, and its classifier."""

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


class Method(NamedTuple):
    """One method.

    `features` gives the steps between quality mask and cache, and the scaler after
    these or None; it is called with whether the small size is wanted, as the input of
    some papers is not scaled. `classifier` makes it, of the published size where
    nothing is said.
    """

    features: Callable[[bool], tuple[Steps, Any]]
    classifier: Callable[..., Any]


def _net(name: str, **params: Any) -> Any:
    """Make a classifier by the name of its class.

    It is looked up then: the command line needs the names of the methods only, without
    torch and scikit-learn.
    """
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
    "attnsleep": Method(signals, partial(_net, "AttnSleepClassifier")),
    "dan": Method(signals, partial(_net, "DANClassifier")),
    "deepsleepnet": Method(signals, partial(_net, "DeepSleepNetClassifier")),
    "featurenet": Method(signals, partial(_net, "FeatureNetClassifier")),
    "lseqsleepnet": Method(
        partial(training_spectra, n_bins=129), partial(_net, "LSeqSleepNetClassifier")
    ),
    "masksleepnet": Method(signals, partial(_net, "MaskSleepNetClassifier")),
    "medfusesleep": Method(spectra, partial(_net, "MedFuseSleepClassifier")),
    "mmasleepnet": Method(signals, partial(_net, "MMASleepNetClassifier")),
    "seqsleepnet": Method(
        partial(training_spectra, n_bins=129), partial(_net, "SeqSleepNetClassifier")
    ),
    "sleepmg": Method(filtered_signals, partial(_net, "SleepMGClassifier")),
    "sleepprintnet": Method(
        partial(signals, sfreq=128), partial(_net, "SleepPrintNetClassifier")
    ),
    "sleeptransformer": Method(
        partial(training_spectra, n_bins=128),
        partial(_net, "SleepTransformerClassifier"),
    ),
    "sleepyco": Method(signals, partial(_net, "SleePyCoClassifier")),
    "tinysleepnet": Method(signals, partial(_net, "TinySleepNetClassifier")),
    "trees": Method(powers, _trees),
    "xsleepnet": Method(band_passed_signals, partial(_net, "XSleepNetClassifier")),
}
