"""Staging by an ONNX file, without torch."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np

from sleepkit._messages import quoted
from sleepkit._typing import Array, BoolArray, FloatArray
from sleepkit.exceptions import ModelFileError, RecordingError
from sleepkit.export._metadata import read_about
from sleepkit.export._sequences import Sequences
from sleepkit.recording import EpochArray, Recording, as_epoch_array
from sleepkit.training import RecordingSource
from sleepkit.utils import check_count, open_regular, optional_import


class OnnxStager:
    """Stage nights by a file of `to_onnx` or `quantize`, by ONNX Runtime.

    Parameters
    ----------
    path : path-like
        The file.
    n_threads : int, default=None
        Threads of ONNX Runtime; None leaves the number to it.

    Attributes
    ----------
    about : dict of str to object
        What the file says of itself: its model, classes, modalities and rates, the rule
        of its sequences, the steps ``outside`` of the graph, which come before it, and,
        if the command made it, the hash of the model file.
    classes_ : ndarray of shape (n_classes,)
        The classes.

    Raises
    ------
    OSError
        If there is no such file.
    ModelFileError
        If the file is damaged, or was not written by sleepkit.
    ImportError
        If ONNX Runtime is not installed.

    See Also
    --------
    to_onnx : Writes the file, and lists its inputs.

    Notes
    -----
    The probabilities are those of the estimator that was exported, to 1e-5 in float32,
    but where `MedFuseSleepClassifier` leaves out a modality that is noise in a night
    (`leave_out_noise`). A graph from signals has no `QualityMask`: transform the nights
    by it before.

    Examples
    --------
    >>> from sleepkit.export import OnnxStager
    >>> from sleepkit.io import read_recording
    >>> stager = OnnxStager("stager.onnx")               # doctest: +SKIP
    >>> stager.predict(read_recording("night.edf"))      # doctest: +SKIP
    array([0, 0, 1, ..., 2, 0, 0])
    """

    def __init__(
        self, path: str | PathLike[str], *, n_threads: int | None = None
    ) -> None:
        runtime = optional_import("onnxruntime", extra="onnx")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors
        if n_threads is not None:
            n_threads = check_count("n_threads", n_threads, owner="OnnxStager")
            options.intra_op_num_threads = n_threads
        with open_regular(path) as file:
            content = file.read()
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.about = read_about(metadata)
        except Exception as error:  # the runtime has errors of its own
            msg = f"{quoted(fspath(path))} cannot be read as an ONNX file: {error}"
            raise ModelFileError(msg) from error
        if not {"classes", "modalities", "sequences"} <= self.about.keys():
            msg = f"{quoted(fspath(path))} was not written by sleepkit.export.to_onnx."
            raise ModelFileError(msg)
        self.classes_ = np.array(self.about["classes"])
        self._sequences = {
            name: Sequences.from_json(fields)
            for name, fields in self.about["sequences"].items()
        }

    def predict(self, X: Any) -> Array:
        """Predict the most probable class of each epoch.

        Parameters
        ----------
        X : EpochArray, Recording or list of Recording
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows,)
            The most probable class of each row.
        """
        predicted: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> FloatArray:
        """Compute the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : EpochArray, Recording or list of Recording
            The epochs; of recordings all, scored or not. Modalities that the file does
            not take are left out.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The probabilities; of epochs without a signal, the shares of the classes in
            training.

        Raises
        ------
        RecordingError
            If a signal has a gap, or is of another rate or shape than the file takes;
            if epochs are of another length; or if a night has no valid epoch of any
            modality that the file takes.
        """
        X = as_epoch_array(X)
        proba = np.empty((len(X), len(self.classes_)), np.float32)
        for recording, rows, epochs in X.by_recording():
            proba[rows] = self._stage(recording)[epochs]
        return proba

    def inputs(self, recording: Recording) -> dict[str, Array]:
        """Make the inputs of the graph for one night.

        Parameters
        ----------
        recording : Recording
            The night.

        Returns
        -------
        dict of str to ndarray
            The inputs by name; see `to_onnx`.

        Raises
        ------
        RecordingError
            As `predict_proba`.
        """
        if recording.epoch_duration != self.about["epoch_duration"]:
            msg = (
                f"The graph takes epochs of {self.about['epoch_duration']:g} s; "
                f"{recording.id!r} has epochs of {recording.epoch_duration:g} s."
            )
            raise RecordingError(msg)
        night = EpochArray([recording], include_unscored=True)
        (recording,) = night.materialize().recordings  # what is lazy, once
        values: dict[str, Array] = {}
        present: dict[str, BoolArray] = {}
        for name, rule in self.about["modalities"].items():
            read = _read_epochs if rule["sfreq"] is None else _read_signal
            values[name], present[name] = read(recording, name, rule)
        needs_all = self.about["needs_all"]
        if not (np.all if needs_all else np.any)([*present.values()], axis=0).any():
            msg = (
                f"The graph takes {'all' if needs_all else 'any'} of "
                f"{', '.join(present)}; no epoch of {recording.id!r} has a valid "
                "signal of them."
            )
            raise RecordingError(msg)
        sequences = {name: rule.cut(present) for name, rule in self._sequences.items()}
        masks = {f"{name}_present": there for name, there in present.items()}
        return {**values, **masks, **sequences}

    def _stage(self, recording: Recording) -> FloatArray:
        """Probabilities of all epochs of one night."""
        (proba,) = self._session.run(None, self.inputs(recording))
        found: FloatArray = proba
        return found


def _read_epochs(
    recording: Recording, name: str, rule: dict[str, Any]
) -> tuple[Array, BoolArray]:
    """Epochs of one modality, and which of them are present."""
    n_epochs, shape = recording.n_epochs, tuple(rule["shape"])
    if name not in recording.signals:
        return np.zeros((n_epochs, *shape), np.float32), np.zeros(n_epochs, np.bool_)
    night = EpochArray([recording], include_unscored=True).select([name])
    source = RecordingSource(night)
    if source.layout[name] != shape:
        _refuse(recording, name, f"epochs of shape {shape}", source.layout[name])
    batch = source.batch(np.arange(n_epochs))
    return batch["inputs"][name], batch["present"][name]


def _read_signal(
    recording: Recording, name: str, rule: dict[str, Any]
) -> tuple[Array, BoolArray]:
    """Read the samples of one modality, and which epochs are present."""
    n_epochs, (n_channels,) = recording.n_epochs, rule["shape"]
    sfreq = rule["sfreq"]
    if name not in recording.signals:
        n_times = round(n_epochs * recording.epoch_duration * sfreq)
        return np.zeros((n_channels, n_times), np.float32), np.zeros(n_epochs, np.bool_)
    signal = recording.signals[name]
    if signal.sfreq != sfreq or signal.n_channels != n_channels:
        found = f"{signal.n_channels} at {signal.sfreq} Hz"
        _refuse(recording, name, f"{n_channels} channels at {sfreq:g} Hz", found)
    data = np.asarray(signal.data, np.float32)
    if not np.isfinite(data).all():
        _refuse(recording, name, "samples without gaps", "NaN or infinity")
    present = np.ones(n_epochs, np.bool_)
    if signal.valid is not None:
        present &= signal.valid[:n_epochs]
    return data, present


def _refuse(recording: Recording, name: str, needed: str, found: Any) -> None:
    """Refuse a signal that the graph does not take."""
    msg = f"The graph takes {name!r} of {needed}; {recording.id!r} has {found}."
    raise RecordingError(msg)
