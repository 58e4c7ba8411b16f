"""Units: factors to microvolts, and a plausibility check."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from sleepkit._typing import FloatArray
from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.utils import SD_OF_MAD

# Modalities measured by electrodes: without a voltage unit their scale is unknown.
ELECTRODE_MODALITIES: Final = ("eeg", "eog", "emg", "ecg")

_MICROVOLTS: Final = {  # microvolts in one unit, by folded name
    **dict.fromkeys(("nv", "nvolt", "nvolts", "nanovolt", "nanovolts"), 1e-3),
    **dict.fromkeys(("uv", "uvolt", "uvolts", "mkv"), 1.0),
    **dict.fromkeys(("microv", "microvolt", "microvolts"), 1.0),
    **dict.fromkeys(("mv", "mvolt", "mvolts", "millivolt", "millivolts"), 1e3),
    **dict.fromkeys(("v", "volt", "volts"), 1e6),
}
# Units of other quantities: impedance, rates, oximetry, temperature, light, flow ...
_NO_VOLTAGE: Final = frozenset(
    {
        *("ohm", "kohm", "mohm", "%", "bpm", "1/min", "/min", "hz", "db", "lux", "lx"),
        *("degc", "c", "\N{DEGREE SIGN}c", "deg", "\N{DEGREE SIGN}", "mmhg", "cmh2o"),
        *("mbar", "hpa", "kpa", "pa", "l", "ml", "l/min", "l/s", "g", "s", "ms", "min"),
    }
)
_MICRO_SIGNS: Final = str.maketrans("\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}", "uu")
_PLAUSIBLE_EEG: Final = (2.0, 200.0)  # robust SD in microvolts
_N_CHECKED: Final = 10_000  # values per channel


def microvolts_per(unit: str) -> float | None:
    """Microvolts in one unit; None if it is unknown or not a voltage."""
    return _MICROVOLTS.get(unit.strip().translate(_MICRO_SIGNS).casefold())


def is_no_voltage(unit: str) -> bool:
    """Whether a unit is that of another quantity; blank and unknown ones may be."""
    return unit.strip().casefold() in _NO_VOLTAGE


def channel_scale(label: str, unit: str, modality: str) -> float:
    """Factor that scales a channel to microvolts.

    Belts, flow and oximetry keep the unit of the file unless it is a voltage.
    """
    factor = microvolts_per(unit)
    if factor is not None:
        return factor
    if modality not in ELECTRODE_MODALITIES:
        return 1.0
    msg = (
        f"The {modality} channel {label!r} needs a unit of nV, uV, mV or V; the file "
        f"says {unit!r}. If you know it, pass units={{{label!r}: 'uV'}}; on the "
        f"command line, --units {label!r}=uV."
    )
    raise ChannelError(msg)


def check_units(
    units: Mapping[str, str] | None, labels: Iterable[str]
) -> dict[str, str]:
    """Validate units: voltages only, of channels that the file has."""
    known = set(labels)
    for label, unit in (units or {}).items():
        if microvolts_per(unit) is None:
            msg = f"units must be nV, uV, mV or V; got {unit!r} for {label!r}."
            raise ChannelError(msg)
        if label not in known:
            msg = f"units names the channel {label!r}; there are {sorted(known)}."
            raise ChannelError(msg)
    return dict(units or {})


def describe_unlikely_scale(values: FloatArray) -> str | None:
    """Say what values of EEG look like, if far too small or too large for microvolts.

    A flat channel passes: its scale cannot be judged.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    spread = SD_OF_MAD * float(np.median(np.abs(finite - np.median(finite))))
    low, high = _PLAUSIBLE_EEG
    if spread == 0 or low <= spread <= high:
        return None
    guess = "millivolts or volts" if spread < low else "a smaller unit"
    return (
        f"has a robust SD of {spread:.3g} uV, not {low:g} to {high:g}: its values look "
        f"like {guess} declared as something else."
    )


def warn_unlikely_scale(data: FloatArray, names: Iterable[str], source: str) -> None:
    """Warn if EEG is far too small or too large to be in microvolts.

    Some 10,000 values per channel are checked, which costs next to nothing.
    """
    step = max(1, data.shape[-1] // _N_CHECKED)
    for name, values in zip(names, data[:, ::step], strict=True):
        unlikely = describe_unlikely_scale(values)
        if unlikely is None:
            continue
        msg = (
            f"EEG channel {name!r} of {source} {unlikely} Correct it with "
            f"units={{{name!r}: ...}}; on the command line, --units {name!r}=..."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=4)
