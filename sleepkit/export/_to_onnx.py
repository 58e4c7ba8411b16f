"""Export of a fitted stager to an ONNX file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any, Final

import torch
from sklearn.utils.validation import check_is_fitted

import sleepkit
from sleepkit.exceptions import SleepkitWarning
from sleepkit.export._build import Built, build
from sleepkit.export._facts import Layout
from sleepkit.export._graph import Staging
from sleepkit.export._inputs import feature_layout, signal_layout
from sleepkit.export._metadata import to_metadata
from sleepkit.export._onnx_file import shrink, to_bytes, trace
from sleepkit.preprocessing import QualityMask
from sleepkit.utils import check_positive, last_step, optional_import, write_atomically

NOTICE: Final = "for research; not a medical device"
_N_EPOCHS: Final = 7  # of the example, unlike all sizes that may be 1
_SEQUENCES: Final = (3, 5)


def to_onnx(
    estimator: Any,
    path: str | PathLike[str],
    *,
    sfreq: Mapping[str, float] | float | None = None,
    n_channels: Mapping[str, int] | int | None = None,
    epoch_duration: float = 30.0,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted stager as an ONNX file, from features or from signals.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier of sleepkit, or a ``Pipeline`` that ends with one or with a
        `LogPoolClassifier` of such.
    path : path-like
        The file to write; an existing one is replaced.
    sfreq : float or mapping of str to float, default=None
        Sampling rate in hertz of the signals of each modality: the graph then takes
        whole recordings and holds all steps of the Pipeline but `QualityMask`. None
        makes a graph of the net alone, which takes what the last step does, such as
        scaled spectra.
    n_channels : int or mapping of str to int, default=None
        Channels of each modality of the signals. None takes those of the training,
        where the steps tell.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds.
    about : mapping of str to object, default=None
        Further facts for the file's metadata, as JSON values, under names of their own.

    Raises
    ------
    StepError
        If a step or the net has no graph; the message names it.
    ValueError
        If a rate or a number of channels is missing or cannot be used, or `about` has a
        name that the file needs.
    ImportError
        If the packages of the extra ``onnx`` are not installed.

    Warns
    -----
    SleepkitWarning
        If a graph from signals leaves out `QualityMask`, or the estimator leaves
        modalities out in nights in which they are noise, which a graph does not.

    See Also
    --------
    OnnxStager : Stages nights by the file.
    quantize : Makes a smaller file, in int8.
    sleepkit.persistence.save_model : Keeps an estimator itself.

    Notes
    -----
    The inputs are, for each modality, the values under its name: float32, epochs
    (n_epochs, ...) or signals (n_channels, n_times), in microvolts and without gaps;
    and ``<modality>_present``, bool (n_epochs,). A modality that was not recorded is
    zeros, present nowhere: any subset will do, where the stager takes any. A stager of
    sequences also takes their epochs, ``sequences``, int64 (n_sequences, length), where
    -1 pads; of a pool, ``sequences_<member>`` of each member. They may overlap and be
    of any number and length: log-probabilities are averaged. The output
    ``probabilities`` is (n_epochs, n_classes). All numbers are free when the graph
    runs, and the metadata has the rule by which `OnnxStager` cuts sequences.

    Of epochs, several nights can go through one run, one behind the other, since no
    sequence crosses from one to the next. From signals a run is one night: filters and
    the statistics of a recording are computed over all that it is given.

    With `sfreq`, ``present`` takes the place of `QualityMask`, and statistics of a
    recording are those of its epochs that are present.

    Examples
    --------
    >>> from sleepkit.export import to_onnx
    >>> from sleepkit.pretrained import load_stager
    >>> to_onnx(load_stager(), "stager.onnx", sfreq=100)   # doctest: +SKIP
    """
    optional_import("onnx", extra="onnx")
    check_is_fitted(last_step(estimator))
    check_positive("epoch_duration", epoch_duration, owner="to_onnx")
    if sfreq is None:
        stager = last_step(estimator)
        layout = feature_layout(stager, epoch_duration)
    else:
        stager = estimator
        layout = signal_layout(stager, sfreq, n_channels, epoch_duration)
    built = build(stager, layout)
    outside = _outside(estimator, from_signals=sfreq is not None)
    _warn_of_noise(estimator)
    facts = _describe(estimator, built, layout) | {"outside": outside}
    metadata = to_metadata(_merge(facts, about or {}))
    inputs, shapes = _example(built, layout)
    model = trace(Staging(built.graph), inputs, shapes)
    shrink(model)
    write_atomically(path, to_bytes(model, metadata))


def _outside(estimator: Any, *, from_signals: bool) -> list[str]:
    """Names of the steps that a night must go through before the graph."""
    steps = [step for _, step in getattr(estimator, "steps", ())][:-1]
    if not from_signals:
        return [type(s).__name__ for s in steps if s != "passthrough"]
    masks = [type(s).__name__ for s in steps if isinstance(s, QualityMask)]
    if masks:
        msg = (
            "The graph has no QualityMask: transform nights by it before, or mark "
            "their bad epochs as not present."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=3)
    return masks


def _warn_of_noise(estimator: Any) -> None:
    """Warn where the estimator judges whole nights, which the graph does not."""
    stager = last_step(estimator)
    for member in getattr(stager, "estimators_", ()):
        _warn_of_noise(member)
    if getattr(stager, "_judges_nights", False):
        msg = (
            "The graph also reads modalities that are noise in a night, which "
            f"{type(stager).__name__} leaves out: see its leave_out_noise."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=2)


def _merge(facts: dict[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """Add the facts of the user, which replace none of those that the file needs."""
    if taken := sorted(facts.keys() & about.keys()):
        msg = f"The 'about' parameter of to_onnx must not name {', '.join(taken)}."
        raise ValueError(msg)
    return facts | dict(about)


def _example(built: Built, layout: Layout) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make an example of the inputs; say which of their dimensions are free."""
    free = torch.export.Dim.DYNAMIC
    inputs: dict[str, Any] = {"values": {}, "present": {}, "sequences": {}}
    shapes: dict[str, Any] = {"values": {}, "present": {}, "sequences": {}}
    for name, facts in layout.items():
        shape, dims = (_N_EPOCHS, *facts.shape), {0: free}
        if facts.sfreq is not None:
            n_times = _N_EPOCHS * facts.n_times + 17  # a rest of an epoch
            shape, dims = (*facts.shape, n_times), {1: free}
        inputs["values"][name] = torch.linspace(-1, 1, shape[-1]).expand(shape).clone()
        inputs["present"][name] = torch.ones(_N_EPOCHS, dtype=torch.bool)
        shapes["values"][name], shapes["present"][name] = dims, {0: free}
    for name in built.sequences:
        inputs["sequences"][name] = torch.zeros(_SEQUENCES, dtype=torch.int64)
        shapes["sequences"][name] = {0: free, 1: free}
    return inputs, shapes


def _describe(estimator: Any, built: Built, layout: Layout) -> dict[str, Any]:
    """Facts for the metadata of the file."""
    last = last_step(estimator)
    return {
        "notice": NOTICE,
        "version": sleepkit.__version__,
        "model": type(last).__name__,
        "classes": last.classes_.tolist(),
        "needs_all": not getattr(last, "any_subset", True),
        "modalities": {
            name: {"shape": list(facts.shape), "sfreq": facts.sfreq}
            for name, facts in layout.items()
        },
        "epoch_duration": next(iter(layout.values())).epoch_duration,
        "sequences": {name: s.to_json() for name, s in built.sequences.items()},
    }
