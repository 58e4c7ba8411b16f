"""What is known of a recording, and how good its channels are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sleepkit._stages import UNSCORED
from sleepkit.hypnogram import Hypnogram
from sleepkit.recording import Recording
from sleepkit.report._clock import at, hours_minutes
from sleepkit.signal import WindowFlags


class ChannelRow(NamedTuple):
    """A modality of a recording: its channels, their rate, and what is bad in them."""

    modality: str
    label: str
    rate: str
    bad: str
    reasons: str


def recording_facts(night: Recording, hypnogram: Hypnogram) -> dict[str, str]:
    """Terms and texts about a recording; what is unknown says so."""
    duration = night.epoch_duration
    unscored = int((hypnogram.stages == UNSCORED).sum())
    lights = [
        "unknown" if seconds is None else at(night.start, seconds)
        for seconds in (night.lights_off, night.lights_on)
    ]
    facts = {
        "Night": night.id,
        "Subject": night.subject,
        "Start": f"{night.start:%Y-%m-%d %H:%M:%S}" if night.start else "unknown",
        "Length": f"{hours_minutes(night.n_epochs * duration / 60)}: "
        f"{night.n_epochs} epochs of {duration:g} s",
        "Lights out": " to ".join(dict.fromkeys(lights)),
        "Unscored": f"{unscored} epochs" if unscored else "none",
        "Scored by": hypnogram.scorer or "",
    }
    known = {str(name): str(value) for name, value in night.info.items()}
    return {name: text for name, text in (facts | known).items() if text}


def channel_rows(
    night: Recording, flags: Mapping[str, WindowFlags]
) -> list[ChannelRow]:
    """Rows of the modalities; an epoch is bad where any of the channels is."""
    rows = []
    for name, block in night.signals.items():
        rate = "" if block.sfreq is None else f"{block.sfreq:g} Hz"
        found, bad, reasons = flags.get(name), "not checked", ""
        if found is not None:
            bad = _percent(float(found.bad.any(axis=0).mean()))
            shares = {k: getattr(found, k).any(axis=0).mean() for k in found.kinds}
            order = sorted(shares, key=lambda kind: -shares[kind])
            parts = [f"{kind} {_percent(shares[kind])}" for kind in order]
            reasons = ", ".join(
                p for p, k in zip(parts, order, strict=True) if shares[k]
            )
        rows.append(ChannelRow(name, " + ".join(block.ch_names), rate, bad, reasons))
    return rows


def _percent(share: float) -> str:
    """Percent of a share, of which a small one is not nothing."""
    return "under 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
