"""Report of one night: a page that holds all it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sleepkit
from sleepkit import preprocessing
from sleepkit.hypnogram import Hypnogram
from sleepkit.persistence import ModelCard
from sleepkit.pipelines import StagedNight
from sleepkit.recording import Recording
from sleepkit.report._contribution import find_contribution
from sleepkit.report._overview import draw_overview
from sleepkit.report._page import RESEARCH, render_page
from sleepkit.report._recording_facts import channel_rows, recording_facts
from sleepkit.report._review import all_bad, check_values
from sleepkit.report._stage_values import stage_values
from sleepkit.utils import versions

_DISTRIBUTIONS: Final = ("mne", "numpy", "scikit-learn", "scipy", "torch")


def night_report(
    staged: StagedNight | Hypnogram,
    night: Recording,
    *,
    stager: Any = None,
    missing: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    card: ModelCard | None = None,
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
    card : ModelCard, default=None
        The model, as `sleepkit.persistence.model_card` describes it.

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
    # One clock, and seconds from the first epoch, as those of the lights.
    start = night.start or hypnogram.first_epoch_start
    night = night.replace(start=start)
    hypnogram = replace(hypnogram, start=start, onset=0.0)
    flags = preprocessing.QualityMask().report(night)
    flagged = all_bad(flags, night.n_epochs)
    if isinstance(staged, StagedNight):
        flagged = staged.flagged
    staged = StagedNight(hypnogram, flagged)
    values = {
        "title": f"Sleep of {night.id}",
        "research": RESEARCH,
        "version": sleepkit.__version__,
        "warnings": list(warnings),
        "missing": dict(missing or {}),
        "recording_facts": recording_facts(night, hypnogram),
        "channels": channel_rows(night, flags),
        "overview": draw_overview(night, hypnogram, flags),
        "contribution": find_contribution(stager, night, staged),
        "card": card,
        "versions": versions(*_DISTRIBUTIONS),
    }
    values |= stage_values(hypnogram, night)
    values |= check_values(staged, night.hypnogram, flags)
    return render_page("night.html", values)


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
