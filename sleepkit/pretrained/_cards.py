"""Cards of the pretrained models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESEARCH: Final = "for research; not a medical device"
_CREDIT: Final = (
    "Sleep-EDF Expanded: B. Kemp et al., PhysioNet, Open Data Commons Attribution "
    "License v1.0 (ODC-By). No recording is contained in the model."
)
_NEEDS: Final = {
    "default": (
        "Signals in microvolts at 50 Hz or more, 20 minutes or longer: EEG, EOG and "
        "chin EMG in any subset, one channel of each."
    ),
    "bands": (
        "The ten features a channel of `PowerShares`, of signals filtered and scaled "
        "by night (sleep and 30 min around it): one or two channels as `eeg`, one as "
        "`eog`, or one of both. The EEG of the public nights was rid of eye movements "
        "by ICA before."
    ),
}


def summarize(
    name: str, scores: Mapping[str, float], trained_on: str, scored_on: str
) -> str:
    """One line: what the model is, was trained on, and reaches."""
    return (
        f"{name} model of sleepkit, trained on {trained_on}; kappa "
        f"{scores['kappa']:.2f} on {scored_on}, see the card for others; {RESEARCH}."
    )


def write_card(
    name: str, scores: Mapping[str, float], trained_on: str, scored_on: str
) -> str:
    """Card of a model, in Markdown."""
    table = "\n".join(f"| {key} | {value:.3f} |" for key, value in scores.items())
    return f"""# {name}

**What.** A stager of 30-s epochs (W, N1, N2, N3, REM), {RESEARCH}.

**Trained on.** {trained_on[0].upper()}{trained_on[1:]}.

**Needs.** {_NEEDS[name]}

**Reaches**, on {scored_on} (recordings of other laboratories, on which it reaches less:
see "Results" in the documentation):

| score | |
|---|---|
{table}

**Licence.** BSD-3-Clause, as sleepkit. {_CREDIT}
"""
