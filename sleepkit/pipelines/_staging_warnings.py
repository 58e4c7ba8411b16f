"""What is implausible in a staged night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from sleepkit._stages import STAGES, UNSCORED
from sleepkit.pipelines._stage_night import StagedNight
from sleepkit.pipelines._training_reference import TrainingReference
from sleepkit.recording import Recording

_MOST: Final = 0.9  # of a night in one stage
_FEW_MINUTES: Final = 20  # in which one stage is nothing special
_LEAST_RATE: Final = 50  # Hz
_HOURS_WITHOUT_N2: Final = 1.0  # of sleep
_MAX_TRANSITIONS: Final = 60  # an hour
_MAX_FLAGGED: Final = 0.5
_MAX_OUTSIDE: Final = 0.2  # of the features of a modality
_N2: Final = STAGES.index("N2")


def staging_warnings(
    staged: StagedNight,
    night: Recording | None = None,
    reference: TrainingReference | None = None,
) -> list[str]:
    """List what is implausible in a staged night, or far from the model's training.

    Parameters
    ----------
    staged : StagedNight
        The staged night.
    night : Recording, default=None
        Its signals, to compare with those of the training.
    reference : TrainingReference, default=None
        Confidence and signals of the training; None checks the stages alone.

    Returns
    -------
    list of str
        A sentence for each finding: one stage in 90 % of 20 minutes or more; no N2 in
        an hour of sleep or more; more than 60 transitions an hour; most epochs flagged;
        mean confidence far below that of training; a night of less than 20 minutes or
        less than 50 Hz; signals far from training.

    See Also
    --------
    stage_night : Stages a night.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.hypnogram import Hypnogram
    >>> from sleepkit.pipelines import StagedNight, staging_warnings
    >>> awake = Hypnogram([0] * 60, probabilities=[[1, 0, 0, 0, 0]] * 60)
    >>> staging_warnings(StagedNight(awake, np.zeros(60, bool)))
    ['W fills 100% of the night, which is implausible for a whole one.']
    """
    found = [*_of_stages(staged)]
    if reference is not None:
        found += _of_confidence(staged, reference)
        if night is not None:
            found += [*_of_limits(night, reference), *_of_signals(night, reference)]
    return found


def _of_stages(staged: StagedNight) -> Iterator[str]:
    """Yield what is implausible in the stages and flags alone."""
    hypnogram = staged.hypnogram
    stages = hypnogram.stages[hypnogram.stages != UNSCORED]
    if not len(stages):
        return
    hours = hypnogram.epoch_duration / 3600
    counts = np.bincount(stages, minlength=len(STAGES))
    share = counts.max() / len(stages)
    if share >= _MOST and len(stages) * hours * 60 >= _FEW_MINUTES:
        name = STAGES[int(counts.argmax())]
        yield (
            f"{name} fills {share:.0%} of the night, which is implausible for a whole "
            "one."
        )
    asleep = counts[1:].sum() * hours
    if asleep >= _HOURS_WITHOUT_N2 and not counts[_N2]:
        yield f"There is no N2 in {asleep:.1f} hours of sleep, which is implausible."
    rate = np.count_nonzero(np.diff(stages)) / (len(stages) * hours)
    if rate > _MAX_TRANSITIONS:
        yield (
            f"{rate:.0f} transitions an hour between stages are implausible; more than "
            f"{_MAX_TRANSITIONS} are rare."
        )
    flagged = staged.flagged.mean()
    if flagged > _MAX_FLAGGED:
        yield f"{flagged:.0%} of the epochs failed the quality check of signals."


def _of_confidence(staged: StagedNight, reference: TrainingReference) -> Iterator[str]:
    """Yield whether the model is much less confident than in training."""
    scored = staged.hypnogram.stages != UNSCORED
    confidence = staged.confidence[scored].mean() if scored.any() else np.nan
    if confidence < reference.least_confidence:
        yield (
            f"The mean confidence is {confidence:.2f}, far below the "
            f"{reference.confidence:.2f} of held-out nights of the training."
        )


def _of_limits(night: Recording, reference: TrainingReference) -> Iterator[str]:
    """Yield what the pretrained stagers are not meant for."""
    minutes = night.n_epochs * night.epoch_duration / 60
    if minutes < _FEW_MINUTES:
        yield (
            f"The night lasts {minutes:.0f} min; training nights were of "
            f"{_FEW_MINUTES} min or more."
        )
    for name, block in night.signals.items():
        if name in reference.low and (block.sfreq or 0) < _LEAST_RATE:
            yield (
                f"{name}: it is sampled at {block.sfreq:g} Hz; training nights were at "
                f"{_LEAST_RATE} Hz or more."
            )


def _of_signals(night: Recording, reference: TrainingReference) -> Iterator[str]:
    """Yield the modalities that are far from those of training."""
    for name, share in reference.shares_outside(night).items():
        usual = reference.outside[name]
        if share > max(_MAX_OUTSIDE, 2 * usual):
            yield (
                f"{name}: {share:.0%} of its band powers are outside of those of the "
                f"training nights (at most {usual:.0%} there): check channel and unit."
            )
