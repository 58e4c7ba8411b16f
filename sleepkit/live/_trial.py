"""A first run of a stager on what a stream is made of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sleepkit.exceptions import SleepkitWarning
from sleepkit.live._running_statistics import Window
from sleepkit.live._running_steps import with_running_steps
from sleepkit.pipelines import stage_night
from sleepkit.recording import Recording, Signal

_SPREAD: Final = 20.0  # microvolts


def try_stager(
    stager: Any,
    layout: Mapping[str, tuple[float, tuple[str, ...]]],
    epoch_duration: float,
) -> None:
    """Stage an epoch of noise: a stager that cannot fails before the night begins."""
    if not hasattr(stager, "predict_proba"):
        msg = (
            "The 'stager' of StreamingStager must have predict_proba. "
            f"Got {stager!r} instead."
        )
        raise TypeError(msg)
    rng = np.random.default_rng(0)
    signals = {}
    for name, (rate, names) in layout.items():
        shape = len(names), max(round(rate * epoch_duration), 1)
        signals[name] = Signal(rng.normal(0, _SPREAD, shape), rate, names)
    noise = Recording(
        id="noise", subject="noise", signals=signals, epoch_duration=epoch_duration
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SleepkitWarning)
            stage_night(with_running_steps(stager, Window()), noise)
    except Exception as error:
        error.add_note(
            f"StreamingStager tried the stager on an epoch of noise with {list(layout)}"
            ", as declared by 'sfreq' and 'ch_names'."
        )
        raise
