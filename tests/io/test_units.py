from __future__ import annotations

import warnings

import numpy as np
import pytest

from sleepkit.exceptions import ChannelError, SleepkitWarning
from sleepkit.io._units import (
    channel_scale,
    check_units,
    microvolts_per,
    warn_unlikely_scale,
)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("uV", 1.0),
        ("uv", 1.0),
        ("UV", 1.0),
        ("\N{MICRO SIGN}V", 1.0),
        ("\N{GREEK SMALL LETTER MU}V", 1.0),
        (" microvolt ", 1.0),
        ("mV", 1e3),
        ("MV", 1e3),
        ("V", 1e6),
        ("Volts", 1e6),
        ("uVolts", 1.0),
        ("microV", 1.0),
        ("mkV", 1.0),
        ("nV", 1e-3),
        ("", None),
        ("%", None),
        ("uV-mrs", None),
        ("uV/s", None),
    ],
)
def test_microvolts_per(unit, factor):
    assert microvolts_per(unit) == factor


@pytest.mark.parametrize("modality", ["eeg", "eog", "emg", "ecg"])
@pytest.mark.parametrize("unit", ["", "%", "uV-mrs"])
def test_electrodes_need_a_voltage(modality, unit):
    words = r"'C3-A2' needs a unit.*units=\{'C3-A2'.*--units 'C3-A2'=uV"
    with pytest.raises(ChannelError, match=words):
        channel_scale("C3-A2", unit, modality)


def test_other_modalities_keep_their_unit():
    assert channel_scale("SaO2", "%", "spo2") == 1.0
    assert channel_scale("Abdomen", "", "resp") == 1.0
    assert channel_scale("Abdomen", "mV", "resp") == 1e3


def test_units_are_checked():
    assert check_units({"C3": "mV"}, ["C3", "C4"]) == {"C3": "mV"}
    assert check_units(None, ["C3"]) == {}
    with pytest.raises(ChannelError, match="must be nV, uV, mV or V; got 'furlong'"):
        check_units({"C3": "furlong"}, ["C3"])
    with pytest.raises(
        ChannelError, match=r"names the channel 'Cz'; there are \['C3'\]"
    ):
        check_units({"Cz": "uV"}, ["C3"])


@pytest.mark.parametrize(
    ("factor", "guess"), [(1e-3, "millivolts or volts"), (1e3, "a smaller unit")]
)
def test_unlikely_scale_warns(factor, guess):
    data = np.random.default_rng(0).normal(0, 30 * factor, (1, 30_000))
    with pytest.warns(SleepkitWarning, match=rf"'C3' of night.edf.*{guess}"):
        warn_unlikely_scale(data, ["C3"], "night.edf")


def test_likely_flat_and_missing_channels_pass():
    data = np.stack(
        [
            np.random.default_rng(0).normal(0, 30, 30_000),
            np.full(30_000, 7.0),
            np.full(30_000, np.nan),
        ]
    )
    data[0, ::100] = 1e6  # artefacts do not matter
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_unlikely_scale(data, ["C3", "C4", "Cz"], "night.edf")
