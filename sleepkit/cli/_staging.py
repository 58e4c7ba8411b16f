"""The hypnogram of one night, by a trained stager."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepkit._stages import N_STAGES, UNSCORED
from sleepkit._typing import FloatArray, IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.preprocessing import QualityMask
from sleepkit.recording import Recording, as_epoch_array


def stage_night(stager: Any, night: Recording) -> tuple[IntArray, FloatArray]:
    """Stage all epochs of a night.

    Without any usable signal an epoch stays unscored, with probabilities of NaN.
    """
    checked = QualityMask().fit_transform(as_epoch_array(night))
    usable = np.any(list(checked.valid.values()), axis=0)
    if not usable.any():
        msg = (
            f"No epoch of {night.id!r} has a usable signal: all are missing, flat, "
            "clipped or outlying. See `sleepkit info`."
        )
        raise RecordingError(msg)
    probabilities = np.zeros((night.n_epochs, N_STAGES))
    probabilities[:, stager.classes_] = stager.predict_proba(night)
    stages = probabilities.argmax(axis=1)
    stages[~usable] = UNSCORED
    probabilities[~usable] = np.nan
    return stages, probabilities
