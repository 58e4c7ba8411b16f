"""Cohorts of simulated nights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from sleepkit._typing import Array, IntArray, RandomState
from sleepkit.datasets._simulator import (
    EPOCH_DURATION,
    SENSORS,
    NightSeed,
    SimulatedArray,
    draw_night,
)
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import (
    check_count,
    check_option,
    check_positive,
    check_random_state,
)

_OWNER = "make_polysomnography"


def make_polysomnography(
    n_subjects: int,
    *,
    nights: int = 1,
    hours: float = 8,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg", "ecg"),
    missing: float | Mapping[str, float] = 0.0,
    noise: float = 1.0,
    random_state: RandomState = None,
) -> tuple[EpochArray, IntArray, Array]:
    """Simulate whole nights of polysomnography, scored in epochs of 30 seconds.

    Subjects differ (in sleep, rhythms, amplitudes, eyes, muscle tone and heart), their
    nights differ less, and stages fade into each other, so that staging new subjects
    from simulated nights is about as hard as from real ones: N1 is hard for every
    modality, EEG is strong, chin EMG and ECG are weak by themselves.

    Parameters
    ----------
    n_subjects : int
        Number of subjects.
    nights : int, default=1
        Nights of each subject.
    hours : float, default=8
        Length of a night, from lights off to lights on, cut to whole epochs. Nights
        shorter than a sleep cycle run through a quick one.
    modalities : str or sequence of str, default=("eeg", "eog", "emg", "ecg")
        What is recorded, one channel each: EEG C4-M1, EOG E1-M2 and chin EMG at
        100 Hz, ECG at 200 Hz.
    missing : float or mapping of str to float, default=0.0
        Chance of each modality to be missing from a recording, for all alike or by
        modality. One modality is always kept.
    noise : float, default=1.0
        Size and number of artefacts: 0 is the body alone, 1 an ordinary night in the
        laboratory, 3 a bad night at home.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        A seed gives the same nights at every call. More subjects or nights, other
        modalities and ``missing`` leave the nights as they were.

    Returns
    -------
    X : EpochArray of shape (n_epochs,)
        The epochs, in microvolts, subjects ``"sim:0001"``, recordings ``"sim:0001-1"``.
    y : ndarray of int of shape (n_epochs,)
        Their stages: 0 W, 1 N1, 2 N2, 3 N3, 4 REM.
    groups : ndarray of str of shape (n_epochs,)
        Their subjects.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    Signals are computed when they are read, and anew each time (an 8-hour night of four
    modalities takes about a second), so that a cohort of any size takes next to no
    memory. ``X.materialize()`` keeps them.

    *Stages* follow a semi-Markov chain steered by sleep cycles of about 92 minutes
    [1]_, with deep sleep early and REM sleep late; shares of stages, and what becomes
    of them with age, are near those of healthy adults [2]_. An epoch is scored by the
    stage that fills most of it.
    *EEG* is noise whose spectrum (1/f, slow, delta, theta, alpha, sigma, beta) goes
    with the stage, the subject and the minute, plus K-complexes, slow waves, vertex
    waves, sawtooth waves, and spindles of an individual frequency and density
    [3]_. *EOG* has blinks, slow rolling and rapid movements [4]_, and the EEG leaks
    into it. *EMG* tone falls from wakefulness to REM sleep, where twitches stay. *ECG*
    beats follow breath and slower rhythms, whose depths depend on the stage [5]_.
    Artefacts are sensor noise, mains hum at 50 Hz, sweat, movement, and electrodes that
    fall off for minutes to hours.

    References
    ----------
    .. [1] Feinberg, I. and Floyd, T. C. (1979). Systematic trends across the night in
       human sleep cycles. Psychophysiology, 16(3), 283-291.
    .. [2] Ohayon, M. M. et al. (2004). Meta-analysis of quantitative sleep parameters
       from childhood to old age in healthy individuals. Sleep, 27(7), 1255-1273.
    .. [3] De Gennaro, L. and Ferrara, M. (2003). Sleep spindles: an overview. Sleep
       Medicine Reviews, 7(5), 423-440.
    .. [4] Berry, R. B. et al. (2012). The AASM manual for the scoring of sleep and
       associated events. American Academy of Sleep Medicine.
    .. [5] Task Force of the European Society of Cardiology and the North American
       Society of Pacing and Electrophysiology (1996). Heart rate variability.
       Circulation, 93(5), 1043-1065.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> X, y, groups = make_polysomnography(2, hours=0.1, random_state=0)
    >>> X
    EpochArray(24 epochs of 2 recordings: eeg, eog, emg, ecg)
    >>> sorted(set(groups))
    [np.str_('sim:0001'), np.str_('sim:0002')]
    >>> X.epochs("eeg").shape
    (24, 1, 3000)
    """
    check_count("n_subjects", n_subjects, owner=_OWNER)
    check_count("nights", nights, owner=_OWNER)
    n_epochs = _count_epochs(hours)
    names = _check_modalities(modalities)
    fractions = _check_missing(missing, names)
    noise = check_positive("noise", noise, owner=_OWNER, zero=True)
    entropy = int(check_random_state(random_state).integers(2**63))
    X = EpochArray(
        _make_recording(NightSeed(entropy, subject, night, n_epochs), fractions, noise)
        for subject in range(1, n_subjects + 1)
        for night in range(1, nights + 1)
    )
    return X, X.hypnogram.astype(np.int64), X.subject


def _make_recording(
    seed: NightSeed, fractions: Mapping[str, float], noise: float
) -> Recording:
    """Describe one night; only its stages are computed."""
    subject = f"sim:{seed.subject:04d}"
    signals = {
        name: Signal(
            SimulatedArray(seed, name, noise), SENSORS[name].sfreq, [SENSORS[name].name]
        )
        for name in _recorded(seed, fractions)
    }
    return Recording(
        id=f"{subject}-{seed.night}",
        subject=subject,
        signals=signals,
        hypnogram=draw_night(seed).hypnogram,
        lights_off=0.0,
        lights_on=float(seed.n_epochs * EPOCH_DURATION),
    )


def _recorded(seed: NightSeed, fractions: Mapping[str, float]) -> list[str]:
    """Draw which modalities are there, at least one."""
    draws = dict(zip(SENSORS, seed.rng("missing").random(len(SENSORS)), strict=True))
    kept = [name for name, fraction in fractions.items() if draws[name] >= fraction]
    return kept or [max(fractions, key=lambda name: draws[name] - fractions[name])]


def _count_epochs(hours: float) -> int:
    """Count the whole epochs of a night."""
    n_epochs = int(check_positive("hours", hours, owner=_OWNER) * 3600 / EPOCH_DURATION)
    if n_epochs < 1:
        msg = f"A night needs hours of at least one epoch of 30 s; got hours={hours!r}."
        raise ValueError(msg)
    return n_epochs


def _check_modalities(modalities: str | Sequence[str]) -> list[str]:
    """Refuse what cannot be simulated, repetitions and an empty list."""
    names = [modalities] if isinstance(modalities, str) else list(modalities)
    for name in names:
        check_option("modalities", name, SENSORS, owner=_OWNER)
    if not names or len(set(names)) < len(names):
        msg = f"{_OWNER} needs one or more different modalities; got {modalities!r}."
        raise ValueError(msg)
    return names


def _check_missing(
    missing: float | Mapping[str, float], names: list[str]
) -> dict[str, float]:
    """Spread ``missing`` over the modalities."""
    given = missing if isinstance(missing, Mapping) else dict.fromkeys(names, missing)
    for name, fraction in given.items():
        check_option("missing", name, names, owner=_OWNER)
        if not isinstance(fraction, Real) or not 0 <= fraction <= 1:
            msg = (
                f"The 'missing' parameter of {_OWNER} must hold fractions from 0 to 1. "
                f"Got {fraction!r} for {name!r} instead."
            )
            raise ValueError(msg)
    return {name: float(given.get(name, 0.0)) for name in names}
