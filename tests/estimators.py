"""Every public estimator, once, small enough for a test.

scikit-learn's checks, the contract of the transformers and the model files all read
these lists. A new estimator is in them by itself: a transformer of signals as it is by
default, a classifier as small as `make_stager` makes it. Entries here are for others,
and for further parameters. The rate is 100 Hz, so that the short rows of
scikit-learn's checks are signals of a fraction of a second.
"""

from __future__ import annotations

import inspect

from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sleepkit import classifiers, preprocessing
from sleepkit.classifiers import (
    AttnSleepClassifier,
    DANClassifier,
    DeepSleepNetClassifier,
    DistilledClassifier,
    FeatureNetClassifier,
    LogPoolClassifier,
    LSeqSleepNetClassifier,
    MaskSleepNetClassifier,
    MedFuseSleepClassifier,
    MMASleepNetClassifier,
    ModuleClassifier,
    SeqSleepNetClassifier,
    SleepMGClassifier,
    SleepPrintNetClassifier,
    SleepTransformerClassifier,
    SleePyCoClassifier,
    TemporalConvClassifier,
    TinySleepNetClassifier,
    XSleepNetClassifier,
)
from sleepkit.pipelines import make_stager
from sleepkit.pipelines._methods import METHODS
from sleepkit.preprocessing import (
    BandpassFilter,
    BandPower,
    Cache,
    EdgeTrimmer,
    FitOnSelected,
    FixedChannels,
    NotchFilter,
    QualityMask,
    RelativeFeatures,
    Resampler,
    SignalScaler,
    SpectrumScaler,
    STFTEpocher,
)


def estimators(package):
    """Yield the public classes of a package that are estimators, save abstract ones."""
    for name in package.__all__:
        value = getattr(package, name)
        estimator = inspect.isclass(value) and issubclass(value, BaseEstimator)
        if estimator and not inspect.isabstract(value):
            yield value


def unlisted(package, listed, small=(), **params):
    """Estimators of a package that no list has, with those of `params` they take.

    `small` holds estimators to begin with, in place of those by default.
    """
    known = {type(each): each for each in small}
    for kind in estimators(package):
        if kind not in set(map(type, listed)):
            each = known[kind] if kind in known else kind()
            taken = {n: v for n, v in params.items() if n in each.get_params()}
            yield clone(each).set_params(**taken)


# For QualityMask: nights of tests are white noise, which it would mask.
WHITE = {name: {"min_exponent": None, "max_fast": None} for name in ("eeg", "eog")}
# Nights of signals, or arrays of them, in; as many rows out.
SIGNAL_TRANSFORMERS = [
    BandPower(sfreq=100),
    BandPower(
        {"slow": (0.5, 4.0), "fast": (12.0, 30)},
        ratios=[("slow", "fast")],
        normalize="append",
        context=1,
        sfreq=100,
    ),
    BandpassFilter((0.5, 20), sfreq=100),
    BandpassFilter({"eeg": (0.3, 40), "eog": (None, 23)}, sfreq=100),
    EdgeTrimmer(),
    EdgeTrimmer("margin", margin=60.0),
    NotchFilter(sfreq=100, freq=20),
    QualityMask(limits=WHITE, channels="all"),
    QualityMask(limits={"eeg": WHITE["eeg"]}, channels="all", only=("eeg",), sfreq=100),
    Resampler(60, sfreq=100),
    SignalScaler(),
    SignalScaler(robust=False),
    SignalScaler(per="training"),
    SignalScaler(per="training", robust=False),
]
# Spectra in, as STFTEpocher gives them; the first list takes plain features as well.
SPECTRUM_TRANSFORMERS = [SpectrumScaler()]
# Features alone, as BandPower gives them.
FEATURE_TRANSFORMERS = [RelativeFeatures()]
SPECTRA_ONLY = [SpectrumScaler(per="recording")]
# Cache and FixedChannels keep arrays as they are, FitOnSelected does what its
# estimator does.
WRAPPERS = [
    Cache("never-made"),
    FixedChannels(),
    FitOnSelected(LogisticRegression()),
    FitOnSelected(SignalScaler("training")),
]
SIGNAL_TRANSFORMERS += unlisted(
    preprocessing,
    [
        *SIGNAL_TRANSFORMERS,
        *SPECTRUM_TRANSFORMERS,
        *FEATURE_TRANSFORMERS,
        *WRAPPERS,
    ],
    sfreq=100,
    random_state=0,
)
NIGHT_TRANSFORMERS = [
    *SIGNAL_TRANSFORMERS,
    *(
        make_pipeline(STFTEpocher(sfreq=100), transformer)
        for transformer in (*SPECTRUM_TRANSFORMERS, *SPECTRA_ONLY)
    ),
    *(make_pipeline(BandPower(sfreq=100), each) for each in FEATURE_TRANSFORMERS),
]
TRANSFORMERS = [
    *SIGNAL_TRANSFORMERS,
    *SPECTRUM_TRANSFORMERS,
    *FEATURE_TRANSFORMERS,
    *WRAPPERS,
]

# As few steps as fit three blobs: what a step costs hardly depends on its rows.
MEDFUSE = MedFuseSleepClassifier(
    d_model=8,
    n_heads=2,
    n_layers=1,
    dim_feedforward=16,
    d_head=16,
    dropout=0.0,
    lr=0.05,
    batch_size=128,
    max_epochs=10,
    device="cpu",
    n_threads=1,
)


class Perceptron(nn.Sequential):
    """A module for `ModuleClassifier`."""

    def __init__(self, layout, n_classes, hidden=16):
        (n_features,) = layout["eeg"]
        first = nn.Linear(n_features, hidden)
        super().__init__(first, nn.ReLU(), nn.Linear(hidden, n_classes))


FIVE_PASSES = {
    "dropout": 0.0,
    "lr": 0.02,
    "batch_size": 32,
    "max_epochs": 5,
    "device": "cpu",
    "n_threads": 1,
}
CLASSIFIERS = [
    AttnSleepClassifier(
        n_filters=(8, 16),
        n_tokens=12,
        n_layers=1,
        n_heads=1,  # divides any number of steps
        attention_dropout=0.0,
        **FIVE_PASSES,
    ),
    FeatureNetClassifier(
        epoch_duration=2.0,  # slow rows, which need few samples
        **FIVE_PASSES | {"lr": 0.005},
    ),
    MMASleepNetClassifier(
        n_filters=(8, 16),
        dim_feedforward=16,
        d_head=16,
        attention_dropout=0.0,
        **FIVE_PASSES | {"batch_size": 16},
    ),
    MaskSleepNetClassifier(
        n_filters=(8, 16),
        n_layers=1,
        n_heads=2,
        dim_feedforward=16,
        attention_dropout=0.0,
        **FIVE_PASSES,
    ),
    SleepPrintNetClassifier(
        epoch_duration=0.02,  # short rows at 100 Hz
        n_filters=(4, 8),
        d_head=16,
        head_decay_ratio=1.0,
        **FIVE_PASSES,
    ),
    DANClassifier(
        epoch_duration=2.0,  # slow rows, which need few samples
        d_model=16,
        hidden_size=8,
        dropout=0.0,
        lr=0.02,
        batch_size=48,
        max_epochs=6,
        device="cpu",
        n_threads=1,
    ),
    DeepSleepNetClassifier(
        epoch_duration=0.02,  # short rows at 100 Hz
        n_filters=(4, 8),
        hidden_size=8,
        n_layers=1,
        dropout=0.0,
        norm_momentum=0.1,
        pretrain_epochs=4,
        pretrain_batch_size=64,
        lr=0.03,
        encoder_lr=0.02,
        batch_size=64,
        max_epochs=4,
        device="cpu",
        n_threads=1,
    ),
    ModuleClassifier(
        Perceptron,
        lr=0.05,
        batch_size=64,
        max_epochs=8,
        device="cpu",
        n_threads=1,
    ),
    LogPoolClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
    DistilledClassifier(
        [DecisionTreeClassifier(max_depth=depth, random_state=0) for depth in (3, 6)],
        TemporalConvClassifier(
            n_filters=16,
            dropout=0.0,
            noise=0.0,
            lr=0.03,
            batch_size=64,
            max_epochs=6,
            device="cpu",
            n_threads=1,
            random_state=0,
        ),
    ),
    MEDFUSE,
    clone(MEDFUSE).set_params(fusion="early", temperature="learned", validate_every=3),
    clone(MEDFUSE).set_params(fusion="mid-late", multi_view=0.0, alignment=0.0),
    LSeqSleepNetClassifier(
        n_filters=8,
        hidden_size=8,
        attention_size=8,
        d_head=32,
        dropout=0.0,
        lr=0.05,
        batch_size=64,
        max_epochs=8,
        device="cpu",
        n_threads=1,
    ),
    SleePyCoClassifier(
        epoch_duration=0.02,
        sequence_length=1,
        augmentation={"p": 0.0},  # rows may have two samples
        n_filters=(8, 8, 8, 8, 16),
        d_model=16,
        n_heads=2,
        n_layers=1,
        dim_feedforward=8,
        norm_momentum=0.3,
        pretrain_epochs=3,
        pretrain_batch_size=64,
        lr=0.04,
        batch_size=64,
        max_epochs=6,
        device="cpu",
        n_threads=1,
    ),
    SleepMGClassifier(
        epoch_duration=0.5,  # short kernels
        dropout=0.0,
        lr=0.01,
        batch_size=32,
        max_epochs=5,
        device="cpu",
        n_threads=1,
    ),
    SeqSleepNetClassifier(
        n_filters=8,
        hidden_size=8,
        attention_size=8,
        dropout=0.0,
        lr=0.2,
        max_epochs=5,
        device="cpu",
        n_threads=1,
    ),
    SleepTransformerClassifier(
        d_model=8,
        n_heads=2,
        n_layers=1,
        dim_feedforward=16,
        attention_size=8,
        d_head=16,
        dropout=0.0,
        lr=0.03,
        max_epochs=5,
        device="cpu",
        n_threads=1,
    ),
    TinySleepNetClassifier(
        epoch_duration=0.02,
        n_filters=(8, 8),
        hidden_size=8,
        dropout=0.0,
        norm_momentum=0.3,
        class_weight=None,
        lr=0.04,
        batch_size=64,
        max_epochs=6,
        device="cpu",
        n_threads=1,
    ),
    XSleepNetClassifier(
        epoch_duration=0.05,  # short rows
        n_filters=(4, 8),
        raw_hidden_size=8,
        n_layers=1,
        n_fft=1024,
        n_spectral_filters=8,
        hidden_size=8,
        attention_size=8,
        conv_dropout=0.0,
        dropout=0.0,
        signal_scale=10.0,
        lr=0.05,
        max_epochs=5,
        device="cpu",
        n_threads=1,
    ),
]
CLASSIFIERS += unlisted(
    classifiers,
    CLASSIFIERS,
    small=[make_stager(name)[-1] for name in METHODS],
    dropout=0.0,
    lr=0.03,
    batch_size=64,
    max_epochs=6,
    device="cpu",
    n_threads=1,
)
