"""Cohorts of simulated nights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Literal

import numpy as np

from sleepkit._typing import Array, IntArray, RandomState
from sleepkit.datasets._simulator import (
    EPOCH_DURATION,
    SENSORS,
    NightSeed,
    SimulatedArray,
    Site,
    draw_night,
    draw_site,
)
from sleepkit.recording import EpochArray, Recording, Signal
from sleepkit.utils import (
    check_count,
    check_option,
    check_positive,
    check_random_state,
)

_OWNER = "make_polysomnography"
_PAIR = 2


def make_polysomnography(
    n_subjects: int,
    *,
    nights: int = 1,
    hours: float | tuple[float, float] = 8,
    within: float | None = None,
    site: Site | Literal["varied"] | None = None,
    modalities: str | Sequence[str] = ("eeg", "eog", "emg", "ecg"),
    missing: float | Mapping[str, float] = 0.0,
    noise: float = 1.0,
    random_state: RandomState = None,
) -> tuple[EpochArray, IntArray, Array]:
    """Simulate nights of polysomnography, scored in epochs of 30 seconds.

    Subjects differ (in sleep, rhythms, amplitudes, eyes, muscle tone and heart), their
    nights differ less, and stages fade into each other, so that staging new subjects
    from simulated nights is about as hard as from real ones: N1 is hard for every
    modality, EEG is strong, chin EMG and ECG are weak by themselves. A `site` says who
    sleeps there, how it records and how it scores.

    Parameters
    ----------
    n_subjects : int
        Number of subjects.
    nights : int, default=1
        Nights of each subject.
    hours : float or tuple of float, default=8
        Length of a recording, cut to whole epochs. A pair is the shortest and the
        longest: each night has a length of its own, all orders of size alike.
    within : float, default=None
        Hours of the night of which each recording is a stretch, which starts anywhere
        in it. None means that recordings are nights from lights off to lights on; those
        shorter than a sleep cycle run through a quick one.
    site : Site or "varied", default=None
        The laboratory. None is ``Site()``, an ordinary one; with ``"varied"`` each
        subject comes from a site drawn at random, among them old and modern amplifiers,
        all derivations, patients with broken sleep or next to no N3, and scorers of
        different habits: nights to train on for recordings of unknown origin.
    modalities : str or sequence of str, default=("eeg", "eog", "emg", "ecg")
        What is recorded, one channel each. By default these are EEG C4-M1, EOG E1-M2
        and chin EMG at 100 Hz, and ECG at 200 Hz.
    missing : float or mapping of str to float, default=0.0
        Chance of each modality to be missing from a recording, for all alike or by
        modality. One modality is always kept.
    noise : float, default=1.0
        Size and number of artefacts: 0 is the body alone, 1 an ordinary night in the
        laboratory, 3 a bad night at home.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, \
default=None
        A seed gives the same nights at every call. More subjects or nights, other
        modalities and ``missing`` leave the nights as they were. How a site records
        (derivations, rate, pass-band, gain, tilt, noise) leaves the sleep as it was,
        and its scorer's habits leave the signals.

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
    memory. ``X.materialize()`` keeps them. EEG and EOG have nothing but noise above 50
    Hz.

    *Stages* follow a semi-Markov chain steered by sleep cycles of about 92 minutes
    [1]_, with deep sleep early and REM sleep late; shares of stages, and what becomes
    of them with age, are near those of healthy adults [2]_. An epoch is scored by the
    stage that fills most of it, and as N3 where enough of it is deep.
    *EEG* is noise whose spectrum (1/f, slow, delta, theta, alpha, sigma, beta) goes
    with the stage, the derivation, the subject and the minute, plus K-complexes, slow
    waves, vertex waves, sawtooth waves, and spindles of an individual frequency and
    density [3]_. Its levels were fitted to spectra by stage that are free to use, of
    Fpz-Cz and Pz-Oz; those of the other derivations lie between them [6]_. *EOG* has
    blinks, slow rolling and rapid movements [4]_, and the EEG leaks into it. *EMG* tone
    falls from wakefulness to REM sleep, where twitches stay. *ECG* beats follow breath
    and slower rhythms, whose depths depend on the stage [5]_. Artefacts are sensor
    noise, mains hum, sweat, movement, and electrodes that fall off for minutes to
    hours.

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
    .. [6] Finelli, L. A. et al. (2001). Functional topography of the human nonREM
       sleep electroencephalogram. European Journal of Neuroscience, 13(12), 2282-2290.

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

    Naps and nights of many laboratories, to train on:

    >>> X, y, groups = make_polysomnography(
    ...     3, hours=(0.2, 2), within=8, site="varied", random_state=0
    ... )
    >>> [recording.signals["eeg"].ch_names[0] for recording in X.recordings]
    ['Cz-A1', 'C4-M1', 'Fpz-Cz']
    """
    check_count("n_subjects", n_subjects, owner=_OWNER)
    check_count("nights", nights, owner=_OWNER)
    lengths = _check_hours(hours)
    n_whole = _check_within(within, lengths)
    names = _check_modalities(modalities)
    fractions = _check_missing(missing, names)
    noise = check_positive("noise", noise, owner=_OWNER, zero=True)
    if site is not None and not isinstance(site, Site):
        check_option("site", site, ["varied"], owner=_OWNER)
    entropy = int(check_random_state(random_state).integers(2**63))
    X = EpochArray(
        _make_recording(seed, fractions, noise)
        for subject in range(1, n_subjects + 1)
        for seed in _draw_seeds(entropy, subject, nights, lengths, n_whole, site)
    )
    return X, X.hypnogram.astype(np.int64), X.subject


def _draw_seeds(
    entropy: int,
    subject: int,
    nights: int,
    lengths: tuple[int, int],
    n_whole: int,
    site: Site | Literal["varied"] | None,
) -> Iterator[NightSeed]:
    """Draw the site of a subject, and the length of each recording."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(subject, 0)))
    drawn = draw_site(rng) if site == "varied" else site or Site()
    for night in range(1, nights + 1):
        n_epochs = np.exp(rng.uniform(*np.log(lengths)))
        yield NightSeed(entropy, subject, night, round(n_epochs), n_whole, drawn)


def _make_recording(
    seed: NightSeed, fractions: Mapping[str, float], noise: float
) -> Recording:
    """Describe one night; only its stages are computed."""
    subject = f"sim:{seed.subject:04d}"
    arrays = {
        name: SimulatedArray(seed, name, noise) for name in _recorded(seed, fractions)
    }
    whole = seed.n_whole == 0
    return Recording(
        id=f"{subject}-{seed.night}",
        subject=subject,
        signals={
            name: Signal(array, array.sfreq, [array.ch_name])
            for name, array in arrays.items()
        },
        hypnogram=draw_night(seed).hypnogram,
        lights_off=0.0 if whole else None,
        lights_on=float(seed.n_epochs * EPOCH_DURATION) if whole else None,
    )


def _recorded(seed: NightSeed, fractions: Mapping[str, float]) -> list[str]:
    """Draw which modalities are there, at least one."""
    draws = dict(zip(SENSORS, seed.rng("missing").random(len(SENSORS)), strict=True))
    kept = [name for name, fraction in fractions.items() if draws[name] >= fraction]
    return kept or [max(fractions, key=lambda name: draws[name] - fractions[name])]


def _check_hours(hours: float | tuple[float, float]) -> tuple[int, int]:
    """Count the epochs of the shortest and of the longest recording."""
    given = hours if isinstance(hours, tuple) else (hours, hours)
    if len(given) != _PAIR or given[0] > given[1]:
        msg = (
            f"The 'hours' parameter of {_OWNER} must be a number or a pair (shortest, "
            f"longest). Got {hours!r} instead."
        )
        raise ValueError(msg)
    shortest, longest = (_count_epochs("hours", value) for value in given)
    return shortest, longest


def _check_within(within: float | None, lengths: tuple[int, int]) -> int:
    """Count the epochs of the night that holds the recordings; 0 for none."""
    n_whole = 0 if within is None else _count_epochs("within", within)
    if within is not None and n_whole < lengths[1]:
        msg = (
            f"The 'within' parameter of {_OWNER} must be at least as long as the "
            f"longest recording. Got {within!r} instead."
        )
        raise ValueError(msg)
    return n_whole


def _count_epochs(name: str, hours: float) -> int:
    """Count the whole epochs of a stretch of time."""
    n_epochs = int(check_positive(name, hours, owner=_OWNER) * 3600 / EPOCH_DURATION)
    if n_epochs < 1:
        msg = (
            f"A night needs {name} of at least one epoch of 30 s; got {name}={hours!r}."
        )
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
