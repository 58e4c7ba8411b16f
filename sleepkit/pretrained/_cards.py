"""What the files of the pretrained models say for their cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESEARCH: Final = "for research; not a medical device"
_NEEDS: Final = {
    "default": (
        "Signals in microvolts at 50 Hz or more, 20 minutes or longer: EEG, EOG and "
        "chin EMG in any subset, one channel of each."
    ),
    "bands": (
        "The ten features a channel of PowerShares, of signals filtered and scaled by "
        "night (sleep and 30 min around it): one or two channels as eeg, one as eog, "
        "or one of both. The EEG of the public nights was rid of eye movements by ICA "
        "before."
    ),
}
_LIMITS: Final = (
    "Scores on recordings of other laboratories differ widely from these and from each "
    "other: see the default stager among the results in the documentation. N1 is found "
    "worst, as by human scorers."
)
_CREDIT: Final = (
    "Sleep-EDF Expanded: B. Kemp et al., PhysioNet, Open Data Commons Attribution "
    "License v1.0 (ODC-By). No recording is contained in the model."
)


def card_texts(name: str) -> dict[str, str]:
    """Texts of the card of a model, beside what it was trained and scored on."""
    return {
        "needs": _NEEDS[name],
        "limits": _LIMITS,
        "licence": "BSD-3-Clause",
        "credit": _CREDIT,
    }


def summarize(
    name: str, scores: Mapping[str, float], trained_on: str, scored_on: str
) -> str:
    """One line: what the model is, was trained on, and reaches."""
    return (
        f"{name} model of sleepkit, trained on {trained_on}; kappa "
        f"{scores['kappa']:.2f} on {scored_on}, see the card for others; {RESEARCH}."
    )
