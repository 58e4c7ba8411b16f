"""Hypnograms in the XML formats of the NSRR and of Compumedics Profusion."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from sleepkit._messages import quoted, shortened
from sleepkit._stage_words import claims_a_stage, stage_of_word
from sleepkit.exceptions import HypnogramError
from sleepkit.io._scoring import Label, Scoring, regular_labels

_MAX_TAG: Final = 40  # characters of a name in a message


def parse_xml(text: str) -> Scoring:
    """Read the format that the root element names."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # entities that expand each other can fill any memory
        msg = "an XML hypnogram must not declare a document type or entities."
        raise HypnogramError(msg)
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        msg = f"the XML must be well-formed; {error}."
        raise HypnogramError(msg) from error
    parsers = {"PSGAnnotation": _parse_nsrr, "CMPStudyConfig": _parse_profusion}
    if root.tag not in parsers:
        found = shortened(root.tag, _MAX_TAG)
        msg = f"the XML root must be {' or '.join(parsers)}; got {found}."
        raise HypnogramError(msg)
    return parsers[root.tag](root)


def _parse_nsrr(root: ET.Element) -> Scoring:
    """Read the stage events, each a run such as ``Stage 2 sleep|2`` for 180 s.

    Onsets count from the start of the signal; clock times are ignored.
    """
    labels = []
    for index, event in enumerate(root.iter("ScoredEvent"), 1):
        text = _stage_text(event)
        if text is not None:
            onset = _seconds(event, "Start", index)
            duration = _seconds(event, "Duration", index)
            labels.append(Label(onset, duration, text, f"event {index}"))
    return Scoring(labels, scheme="rk")


def _stage_text(event: ET.Element) -> str | None:
    """Label of an event of a stage; None for other events.

    Files without types of events name stages by words, such as ``SDO:WakeState``.
    """
    kind = event.findtext("EventType", "").strip()
    concept = event.findtext("EventConcept", "").strip()
    if kind.startswith("Stages"):  # "Stages|Stages"
        word, _, code = concept.rpartition("|")
        return code or word
    has_stage = not kind and stage_of_word(concept) is not None
    return concept if has_stage or claims_a_stage(concept) else None


def _parse_profusion(root: ET.Element) -> Scoring:
    """Read one integer per epoch."""
    duration = _seconds(root, "EpochLength", 1)
    texts = [stage.text or "" for stage in root.iter("SleepStage")]
    return Scoring(regular_labels(texts, duration, "epoch"), scheme="rk")


def _seconds(element: ET.Element, name: str, index: int) -> float:
    """Seconds in a child element."""
    text = element.findtext(name, "")
    try:
        return float(text)
    except ValueError:
        msg = f"{name} must hold seconds; got {quoted(text)} ({element.tag} {index})."
        raise HypnogramError(msg) from None
