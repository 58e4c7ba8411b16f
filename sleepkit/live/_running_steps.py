"""A fitted stager whose steps scale by the night so far."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import LogPoolClassifier
from sleepkit.live._running_statistics import RunningStatistics, Window
from sleepkit.preprocessing import BandPower, Cache, RelativeFeatures
from sleepkit.preprocessing._scaler import Scaler
from sleepkit.recording import EpochArray, as_epoch_array


class RunningStep(TransformerMixin, BaseEstimator):
    """Transformer that scales a window of a night by the statistics so far.

    Parameters
    ----------
    step : RecordingTransformer
        The fitted transformer, which scales by the recording.
    window : Window
        Where the window stands in the night.
    """

    def __init__(self, step: Any, window: Window) -> None:
        self.step = step
        self.window = window
        self._running = copy(step)
        self._running._night_statistics = RunningStatistics(window)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing: the step is fitted.

        Parameters
        ----------
        X : object
            Ignored.
        y : object, default=None
            Ignored.

        Returns
        -------
        object
            The step itself.
        """
        return self

    def transform(self, X: Any) -> EpochArray:
        """Transform at once, since each window is measured when its turn is.

        Parameters
        ----------
        X : EpochArray or Recording
            The window.

        Returns
        -------
        EpochArray
            Its epochs.
        """
        nights = as_epoch_array(X).recordings
        return EpochArray(self._running._transform_recording(n.load()) for n in nights)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def with_running_steps(stager: Any, window: Window) -> Any:
    """Copy a fitted stager so that it scales windows of a night by the night so far.

    The fitted parts are shared. Steps that keep results are left out.
    """
    if isinstance(stager, Pipeline):
        running = copy(stager)
        running.steps = [(n, with_running_steps(s, window)) for n, s in stager.steps]
        return running
    if isinstance(stager, LogPoolClassifier):
        pool = copy(stager)
        pool.estimators_ = [with_running_steps(m, window) for m in stager.estimators_]
        return pool
    if hasattr(stager, "best_estimator_"):  # a search
        search = copy(stager)
        search.best_estimator_ = with_running_steps(stager.best_estimator_, window)
        return search
    if isinstance(stager, Cache):
        return "passthrough"
    return RunningStep(stager, window) if _scales_by_night(stager) else stager


def _scales_by_night(step: Any) -> bool:
    """Whether the values of a step depend on statistics of the recording."""
    if isinstance(step, Scaler):
        return step.per == "recording"
    if isinstance(step, BandPower):
        return step.normalize is not None
    return isinstance(step, RelativeFeatures)
