"""Flags of bad windows, worked by hand and on signals of known physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sleepkit.signal import QUALITY_LIMITS, QualityLimits, WindowFlags, flag_windows

KINDS = WindowFlags._fields[:-1]
EEG, EOG, EMG, ECG = (QUALITY_LIMITS[name] for name in ("eeg", "eog", "emg", "ecg"))


def coloured(shape, exponent, sd, seed=0):
    """Make noise whose power falls with frequency to the power of an exponent."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(shape))
    cycles = np.arange(spectrum.shape[-1])
    spectrum *= np.where(cycles < 6, 0, np.maximum(cycles, 6) ** (-exponent / 2))
    x = np.fft.irfft(spectrum, n=shape[-1])
    return sd * x / x.std(axis=-1, keepdims=True)


def windows(n_windows=12, sd=15.0, sfreq=100, n_channels=2, seed=0):
    """Make windows of 30 s with the spectrum of wakefulness."""
    shape = (n_channels, n_windows, round(30 * sfreq))
    return coloured(shape, 1.2, sd, seed).astype(np.float32)


def heart(sfreq, height=900.0, rate=1.1):
    """Make 30 s of beats, 25 ms wide, and a T wave behind each."""
    phase = np.arange(round(30 * sfreq)) / sfreq % (1 / rate)
    beat = np.exp(-(((phase - 0.3) / 0.012) ** 2))
    return height * (beat + 0.2 * np.exp(-(((phase - 0.55) / 0.06) ** 2)))


def noise(shape, sd, seed=1):
    """Make white noise."""
    return np.random.default_rng(seed).normal(0, sd, shape)


def raised(flags):
    """Name the flags that are set, as (kind, channel, window)."""
    return {
        (kind, *map(int, where))
        for kind in KINDS
        for where in np.argwhere(getattr(flags, kind))
    }


def reason(window, sfreq, limits):
    """Reasons of one window."""
    return str(flag_windows(window[np.newaxis], sfreq=sfreq, limits=limits).reasons[0])


@pytest.mark.parametrize("sfreq", [50, 100, 125, 200, 256])
@pytest.mark.parametrize("limits", [EEG, EOG], ids=["eeg", "eog"])
def test_good_windows_have_no_flags(sfreq, limits):
    good = windows(sfreq=sfreq)
    flags = flag_windows(good, sfreq=sfreq, limits=limits)
    assert raised(flags) == set()
    assert not flags.bad.any()
    assert (flags.reasons == "").all()
    np.testing.assert_allclose(flags.sd, good.std(axis=-1), rtol=1e-5)


def test_each_fault_is_found_where_it_is_and_nowhere_else():
    x = windows()
    x[0, 3] = 7.0
    x[0, 4] = 0.4 * np.sin(np.arange(3000))  # 0.8 from top to bottom
    x[1, 5, :1800] = x[1, 5, 0]
    x[1, 6] = x[1, 6].clip(-10, 10)
    x[0, 7, 123] = np.nan
    x[1, 8, 5] = np.inf
    x[0, 9] *= 20
    x[1, 10] /= 30  # half a microvolt: an amplifier's own noise
    x[1, 11] = noise(3000, 15)
    assert raised(flag_windows(x, sfreq=100, limits=EEG)) == {
        ("flat", 0, 3),
        ("flat", 0, 4),
        ("flat", 1, 5),
        ("clipped", 1, 6),
        ("missing", 0, 7),
        ("missing", 1, 8),
        ("strong", 0, 9),
        ("loose", 0, 9),
        ("noisy", 0, 9),
        ("flat", 1, 10),
        ("noisy", 1, 11),
    }


@pytest.mark.parametrize("limits", QUALITY_LIMITS.values(), ids=QUALITY_LIMITS)
def test_the_verdict_on_a_window_depends_on_it_alone(limits):
    x = windows(n_windows=9, n_channels=1)[0]
    x[1] *= 20
    x[2] = noise(3000, 60)
    x[3] = 0
    x[4] += noise(3000, 30)
    x[5] /= 30
    x[6, 100] = np.nan
    x[7] = heart(100)
    together = flag_windows(x, sfreq=100, limits=limits).reasons
    backwards = flag_windows(x[::-1], sfreq=100, limits=limits).reasons[::-1]
    alone = [reason(window, 100, limits) for window in x]
    among = np.concatenate([np.repeat(x[4:5], 500, axis=0), x])
    assert together.tolist() == alone == backwards.tolist()
    assert flag_windows(among, sfreq=100, limits=limits).reasons[500:].tolist() == alone


def test_quiet_sleep_after_deep_sleep_is_good():
    """As in a real night of N3 (30 uV) whose last quarter is quiet (8 uV)."""
    deep = coloured((1, 36, 3000), 2.5, 30)
    quiet = coloured((1, 14, 3000), 1.5, 8, seed=1)
    night = np.concatenate([deep, quiet], axis=1)
    assert not flag_windows(night, sfreq=100, limits=EEG).bad.any()


@pytest.mark.parametrize("sfreq", [50, 100, 125, 200, 256])
@pytest.mark.parametrize("limits", [EEG, EOG, ECG], ids=["eeg", "eog", "ecg"])
@pytest.mark.parametrize("sd", [5.0, 60.0])
def test_white_noise_is_noisy_also_when_it_is_all_there_is(sfreq, limits, sd):
    night = noise((20, 30 * sfreq), sd)
    assert flag_windows(night, sfreq=sfreq, limits=limits).noisy.all()


def test_noise_of_an_emg_is_told_by_its_level_only():
    assert reason(noise(3000, 10), 100, EMG) == ""
    assert reason(noise(3000, 60), 100, EMG) == "strong"
    assert reason(noise(3000, 0.2), 100, EMG) == "flat"


def test_strong_noise_on_slow_waves_is_noisy():
    waves = 60 * np.sin(2 * np.pi * 0.9 * np.arange(3000) / 100)
    assert reason(waves + windows()[0, 0], 100, EEG) == ""
    assert reason(waves + windows()[0, 0] + noise(3000, 35), 100, EEG) == "noisy"


@pytest.mark.parametrize("line", [50, 60])
@pytest.mark.parametrize("limits", QUALITY_LIMITS.values(), ids=QUALITY_LIMITS)
def test_mains(line, limits):
    hum = np.sin(2 * np.pi * line * np.arange(6000) / 200)
    body = heart(200) if limits is ECG else windows(sfreq=200)[0, 0]
    assert reason(body + 5 * hum, 200, limits) == ""
    assert "mains" in reason(body + 20 * body.std() * hum, 200, limits)
    assert "mains" in reason(180 * hum + noise(6000, 0.1), 200, limits)


def test_mains_above_the_nyquist_frequency_is_not_looked_for():
    assert reason(windows(sfreq=50)[0, 0], 50, EEG) == ""
    assert reason(windows(sfreq=64)[0, 0], 64, EEG) == ""


@pytest.mark.parametrize("sfreq", [50, 100, 125, 200, 256])
def test_an_ecg_is_judged_by_its_shape_in_any_unit(sfreq):
    beats = heart(sfreq) + noise(round(30 * sfreq), 10)
    for unit in (1.0, 0.1, 1000.0):
        assert reason(unit * beats, sfreq, ECG) == ""
    assert reason(beats + noise(beats.size, 120), sfreq, ECG) == "noisy"


def test_loss_of_contact():
    t = np.arange(3000) / 100
    x = windows()[0, 0]
    assert reason(x + 100 * np.sin(0.3 * t), 100, EEG) == ""  # sweat
    assert reason(x + 1500 * np.sin(0.3 * t), 100, EEG) == "loose"
    pops = 400 * np.exp(-(t % 1.3) / 0.3)
    assert reason(x + pops, 100, EEG) == "loose"
    assert reason(x + np.where(t < 10, pops, 0), 100, EEG) == ""


def test_a_movement_of_less_than_half_the_window_is_no_fault():
    x = windows()[0, 0]
    x[400:1400] += 40 * np.cumsum(noise(1000, 1)) + noise(1000, 80)
    assert reason(x, 100, EEG) == ""
    x[1400:2400] += noise(1000, 80)
    assert "noisy" in reason(x, 100, EEG)


def test_an_offset_is_no_fault():
    good = windows().astype(np.float64)
    assert not flag_windows(good + 3e5, sfreq=100, limits=EEG).bad.any()


def test_limits_can_be_changed_and_turned_off():
    x = windows()
    x[0, 9] *= 20
    x[1, 3] = noise(3000, 15)
    off = QualityLimits(min_range=0, max_repeated=1, max_clipped=1)
    assert not flag_windows(x, sfreq=100, limits=off).bad.any()
    strict = replace(off, max_rms=100.0)
    assert raised(flag_windows(x, sfreq=100, limits=strict)) == {("strong", 0, 9)}
    strict = replace(off, max_rms=10.0, low_freq=30.0)
    assert raised(flag_windows(x, sfreq=100, limits=strict)) == {("strong", 0, 9)}


def test_without_a_rate_only_the_shape_is_judged():
    x = windows()
    x[0, 9] = noise(3000, 500)
    x[1, 3] = 0
    assert raised(flag_windows(x, limits=EEG)) == {("flat", 1, 3)}
    assert raised(flag_windows(x, sfreq=25, limits=EEG)) == {("flat", 1, 3)}
    seconds = x[..., :150]
    assert raised(flag_windows(seconds, sfreq=100, limits=EEG)) == {("flat", 1, 3)}


def test_range_and_repetition_by_hand():
    # Of ten samples five are 3, and five equal the one before: not more than 0.5.
    window = np.array([0, 0, 3, 3, 3, 9, 9, 5, 3, 3.0])

    def is_flat(**limits):
        return flag_windows(window[None], limits=QualityLimits(**limits)).flat[0]

    assert not is_flat()
    assert is_flat(max_repeated=0.4)
    assert is_flat(min_range=9.1)
    assert not is_flat(min_range=9.0)


def test_coarse_steps_are_not_flat():
    """As the ECG of a Nox recorder, whose steps of 31 uV repeat two of three times."""
    times = np.arange(6000) / 200
    ecg = 31.25 * np.round((heart(200) + 120 * np.sin(0.9 * times)) / 31.25)
    repeats = np.mean(ecg[1:] == ecg[:-1])
    assert repeats > 0.6
    assert "flat" not in reason(ecg, 200, ECG)
    ecg[2000:5500] = ecg[2000]
    assert "flat" in reason(ecg, 200, ECG)


def test_clipping_by_hand():
    # Of 10 samples 3 stay at the top for three samples: two steps, 2 / 10. The single
    # lowest sample does not stay.
    window = np.array([0, 1, 5, 5, 5, 2, -3, 1, 5, 0.0])

    def is_clipped(share):
        limits = QualityLimits(max_clipped=share)
        return flag_windows(window[None], limits=limits).clipped[0]

    assert is_clipped(0.19)
    assert not is_clipped(0.2)


def test_clipping_at_one_end_is_enough():
    x = windows(n_channels=1)
    x[0, 2] = x[0, 2].clip(-1e9, 10)
    assert raised(flag_windows(x)) == {("clipped", 0, 2)}


def test_a_night_of_nan():
    missing = np.full((1, 5, 3000), np.nan)
    assert flag_windows(missing, sfreq=100, limits=EEG).missing.all()
    assert flag_windows(np.zeros((1, 5, 3000)), sfreq=100, limits=EEG).flat.all()
    none = np.zeros((1, 0, 3000))
    assert flag_windows(none, sfreq=100, limits=ECG).bad.shape == (1, 0)
    assert flag_windows(none, sfreq=100, limits=ECG).reasons.shape == (1, 0)


def test_windows_are_left_alone_and_may_be_read_only():
    x = windows()
    x[0, 3, 5] = np.nan
    x.flags.writeable = False
    before = x.copy()
    flag_windows(x, sfreq=100, limits=EEG)
    np.testing.assert_array_equal(x, before)


def test_reasons_name_every_flag():
    flags = flag_windows(noise((1, 3000), 200.0), sfreq=100, limits=EEG)
    assert flags.reasons.tolist() == ["strong, noisy, loose"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("excerpt", "sfreq", "clipped"),
    [(1, 100, [4]), (2, 200, []), (3, 50, []), (4, 200, [30])],
)
def test_real_eeg_is_good(real_data, excerpt, sfreq, clipped):
    """The recorder's limits are +-328 microvolts; nothing else is wrong with it."""
    path = real_data / "dreams" / f"excerpt{excerpt}.txt"
    epochs = np.loadtxt(path, skiprows=1).reshape(60, 30 * sfreq)
    assert not flag_windows(epochs, sfreq=sfreq, limits=EEG).bad.any()
    strict = replace(EEG, max_clipped=0.02)
    flags = flag_windows(epochs, sfreq=sfreq, limits=strict)
    assert np.flatnonzero(flags.clipped).tolist() == clipped
    assert (np.abs(epochs[clipped]).max(axis=1) > 327).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sd_keeps_its_precision_beside_a_large_offset(dtype):
    x = windows().astype(dtype) + dtype(1000)
    exact = x.astype(np.float64).std(axis=-1)
    np.testing.assert_allclose(flag_windows(x).sd, exact, rtol=1e-4)
