"""How the parts of a recording must fit, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sleepkit._typing import IntArray
from sleepkit.exceptions import RecordingError
from sleepkit.recording._signal import Signal
from sleepkit.utils import check_stages


def as_stages(hypnogram: Any) -> IntArray:
    """Check stage codes."""
    stages = check_stages(
        "hypnogram", hypnogram, owner="Recording", error=RecordingError
    )
    codes: IntArray = stages.astype(np.int8)
    codes.flags.writeable = False
    return codes


def check_signals(signals: Mapping[str, Signal]) -> dict[str, Signal]:
    """Require named signals."""
    for name, signal in signals.items():
        if not isinstance(name, str) or not isinstance(signal, Signal):
            kind = type(signal).__name__
            msg = f"signals must map names to Signal; got {name!r}: {kind}."
            raise RecordingError(msg)
    return dict(signals)


def count_epochs(
    name: str, lengths: Mapping[str, int], hypnogram: IntArray | None
) -> int:
    """Agree on the number of epochs of a recording, or say who disagrees."""
    shortest = min(lengths.values(), default=0)
    if hypnogram is None:
        if shortest < 1:
            msg = (
                f"Recording {name!r} needs a hypnogram, or signals of at least one "
                f"epoch; its signals have {dict(lengths)} epochs."
            )
            raise RecordingError(msg)
        return shortest
    if lengths and shortest != len(hypnogram):
        msg = (
            f"The hypnogram of recording {name!r} has {len(hypnogram)} epochs, "
            f"but its signals have {dict(lengths)}."
        )
        raise RecordingError(msg)
    return len(hypnogram)


def check_masks(name: str, signals: Mapping[str, Signal], n_epochs: int) -> None:
    """Refuse a mask that does not reach the last epoch."""
    for modality, signal in signals.items():
        if signal.valid is not None and len(signal.valid) < n_epochs:
            msg = (
                f"Recording {name!r} has {n_epochs} epochs, but 'valid' of its "
                f"{modality!r} signal has only {len(signal.valid)}."
            )
            raise RecordingError(msg)
