"""Report of one night: a page that holds all it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

import sleepkit
from sleepkit import preprocessing
from sleepkit._typing import BoolArray
from sleepkit.hypnogram import Hypnogram
from sleepkit.pipelines import StagedNight
from sleepkit.recording import Recording
from sleepkit.report._agreement import compare
from sleepkit.report._clock import at, hours_minutes
from sleepkit.report._contribution import find_contribution
from sleepkit.report._model_card import model_facts, model_scores
from sleepkit.report._overview import draw_overview
from sleepkit.report._page import render_page
from sleepkit.report._recording_facts import channel_rows, recording_facts
from sleepkit.report._review import epochs_to_check
from sleepkit.report._statistics import measure, stage_rows, statistic_rows
from sleepkit.signal import WindowFlags
from sleepkit.utils import versions

RESEARCH: Final = "for research; not a medical device"
_DISTRIBUTIONS: Final = ("mne", "numpy", "scikit-learn", "scipy", "torch")
_TILES: Final = {
    "TST": "Total sleep time",
    "SE": "Sleep efficiency",
    "SOL": "Sleep latency",
    "Lat_REM_onset": "REM latency (AASM)",
    "WASO_AASM": "Wake after sleep onset (AASM)",
}


def night_report(
    staged: StagedNight | Hypnogram,
    night: Recording,
    *,
    stager: Any = None,
    missing: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    model: Mapping[str, Any] | None = None,
    card: str | None = None,
) -> str:
    """Write the report of a night as one page of HTML.

    Parameters
    ----------
    staged : StagedNight or Hypnogram
        The stages, of a stager or of an expert, on the epochs of `night`.
    night : Recording
        The signals, and the expert's stages to compare with where it has any. Its
        lights off and on bound the time in bed.
    stager : estimator, default=None
        The fitted stager, to show which modality carried what.
    missing : mapping of str to str, default=None
        Reason for each modality that the night was staged without.
    warnings : sequence of str, default=()
        What the reader should know before all else, as from `staging_warnings`.
    model : mapping of str to object, default=None
        Description of the model as of `sleepkit.persistence.model_info`.
    card : str, default=None
        Card of the model as of `sleepkit.pretrained.card`.

    Returns
    -------
    str
        The page. It refers to no other file, runs no script, and is the same for the
        same night and versions.

    Raises
    ------
    ValueError
        If the stages are not as many as the epochs of `night`, or are merged.
    ImportError
        If Jinja2 or Matplotlib is not installed.

    See Also
    --------
    index_report : Page that leads to the reports of several nights.
    sleepkit.pipelines.stage_night : Stages a night.

    Notes
    -----
    Of the epochs to check, those of bad signal come first, then those of low
    probability, as in `StagedNight.doubtful`. For stages without probabilities they are
    those of bad signal, then those where `night` has another stage.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography
    >>> from sleepkit.hypnogram import Hypnogram
    >>> from sleepkit.report import night_report
    >>> X, _, _ = make_polysomnography(1, hours=0.1, random_state=0)
    >>> night = X.recordings[0]
    >>> page = night_report(Hypnogram(night.hypnogram), night)
    >>> page[:15], "Total sleep time" in page
    ('<!DOCTYPE html>', True)
    """
    night = night.load()
    hypnogram = staged if isinstance(staged, Hypnogram) else staged.hypnogram
    _check_grid(hypnogram, night)
    if hypnogram.start is None and night.start is not None:
        hypnogram = replace(hypnogram, start=night.start)
    flags = preprocessing.QualityMask().report(night)
    flagged = (
        _all_bad(flags, night) if isinstance(staged, Hypnogram) else staged.flagged
    )
    staged = StagedNight(hypnogram, flagged)
    values = {
        "title": f"Sleep of {night.id}",
        "research": RESEARCH,
        "version": sleepkit.__version__,
        "warnings": list(warnings),
        "missing": dict(missing or {}),
        "recording_facts": recording_facts(night, hypnogram),
        "channels": channel_rows(night, flags),
        "overview": draw_overview(night, hypnogram, channel),
        "overview_caption": _caption(night, hypnogram, channel),
        "contribution": (
            None
            if stager is None
            else find_contribution(stager, night, hypnogram.stages)
        ),
        "model": None if model is None else model_facts(model, card),
        "scores": None if model is None else model_scores(model),
        "versions": versions(*_DISTRIBUTIONS),
    }
    values |= _stage_values(staged, night) | _check_values(staged, night, flags)
    return render_page("night.html", values)


def _stage_values(staged: StagedNight, night: Recording) -> dict[str, Any]:
    """Collect what the stages amount to, those of the expert beside."""
    hypnogram, expert = staged.hypnogram, night.hypnogram
    own = "predicted" if hypnogram.probabilities is not None else "scored"
    found = [measure(hypnogram, night)]
    if expert is not None:
        true = replace(hypnogram, stages=expert, probabilities=None)
        found.append(measure(true, night))
    return {
        "scorings": [own, "expert"][: len(found)],
        "tiles": [_tile(key, name, found) for key, name in _TILES.items()],
        "stages": list(stage_rows(found)),
        "statistics": list(statistic_rows(found, night)),
        "agreement": None if expert is None else compare(hypnogram.stages, expert),
        "cycles": _cycles(hypnogram),
        "lead": _lead(hypnogram, night),
        "time_name": "Time" if hypnogram.start is None else "Clock time",
    }


def _lead(hypnogram: Hypnogram, night: Recording) -> str:
    """When the night was, how long, and what it was staged by."""
    length = hours_minutes(hypnogram.duration / 60)
    when = f", from {night.start:%Y-%m-%d %H:%M}" if night.start else ""
    signals = ", ".join(
        f"{name} {' + '.join(block.ch_names)}" for name, block in night.signals.items()
    )
    return f"{length}{when}; {signals}."


def _caption(night: Recording, hypnogram: Hypnogram, channel: str) -> str:
    """Name the panels of the picture of the night, from top to bottom."""
    panels = [f"spectrogram of {' + '.join(night.signals[channel].ch_names[:1])}"]
    if night.hypnogram is not None:
        panels += ["the expert's hypnogram", "the stages (where the two differ: shaded)"]
    else:
        panels.append("the stages")
    if hypnogram.probabilities is not None:
        panels.append("the probability of each stage")
    return f"From top to bottom: {', '.join(panels)}. REM is a thick line."


def _channel_to_draw(night: Recording, flags: Mapping[str, WindowFlags]) -> str:
    """Modality with the fewest dead epochs, EEG before others."""
    def dead(name: str) -> float:
        found = flags.get(name)
        if found is None:
            return 1.0
        return float((found.flat[0] | found.missing[0]).mean())

    names = sorted(night.signals, key=lambda name: name != "eeg")
    return min(names, key=lambda name: dead(name) >= 1)


def _tile(key: str, name: str, found: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """Name and value of a statistic, and the expert's value where there is one."""
    texts = [
        "not defined" if np.isnan(each[key]) else _text(key, each[key])
        for each in found
    ]
    return {"name": name, "value": texts[0], "expert": "".join(texts[1:])}


def _text(key: str, value: float) -> str:
    """Value of a statistic with its unit."""
    return f"{value:.0f} %" if key == "SE" else hours_minutes(value)


def _cycles(hypnogram: Hypnogram) -> list[dict[str, Any]]:
    """Rows of the cycles, with times by the clock where it is known."""
    start, rows = hypnogram.start, []
    for cycle in hypnogram.cycles():
        rem = at(start, cycle.rem_start) if cycle.complete else "no REM follows"
        rows.append(
            {
                "start": at(start, cycle.start),
                "rem_start": rem,
                "end": at(start, cycle.end),
                "duration": cycle.duration / 60,
                "nrem": cycle.nrem_duration / 60,
                "rem": cycle.rem_duration / 60,
            }
        )
    return rows


def _check_values(
    staged: StagedNight, night: Recording, flags: Mapping[str, WindowFlags]
) -> dict[str, Any]:
    """Epochs to check first, and how many there are."""
    listed, count = epochs_to_check(staged, night.hypnogram, flags)
    if staged.hypnogram.probabilities is None:
        rule = "no signal passed the quality check, or the expert has another stage"
    else:
        rule = "no signal passed the quality check, or no stage has half of the "
        rule += "probability"
    words = f"{count} of {len(staged.hypnogram)} epochs: {rule}."
    if count > len(listed):
        words += f" The first {len(listed)} are listed, the most doubtful first."
    return {"check": listed, "check_words": words}


def _all_bad(flags: Mapping[str, WindowFlags], night: Recording) -> BoolArray:
    """Epochs of which every channel of every modality is bad."""
    bad = [found.bad.all(axis=0) for found in flags.values()]
    if not bad:
        return np.zeros(night.n_epochs, bool)
    every: BoolArray = np.all(bad, axis=0)
    return every


def _check_grid(hypnogram: Hypnogram, night: Recording) -> None:
    """Require five stages on the epochs of the recording."""
    ours = len(hypnogram), hypnogram.epoch_duration, hypnogram.n_stages
    if ours != (night.n_epochs, night.epoch_duration, 5):
        msg = (
            f"night_report needs the five stages of the {night.n_epochs} epochs of "
            f"{night.epoch_duration:g} s of {night.id!r}; got {ours[2]} stages of "
            f"{ours[0]} epochs of {ours[1]:g} s: Hypnogram.align_to() puts them there."
        )
        raise ValueError(msg)
