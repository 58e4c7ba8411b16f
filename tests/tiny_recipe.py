"""A recipe of pretrained stagers that takes seconds."""

from __future__ import annotations

from sleepkit.pretrained import Recipe

TINY = Recipe(
    n_subjects=5,
    hours=(0.5, 0.5),
    n_copies=1,
    edges=(0.5, 4, 8, 12, 20, 25),
    n_passes={"bands": 2, "eeg": 2, "emg": 2},
    net={
        "sequence_length": 20,
        "n_filters": 8,
        "lr": 0.02,
        "batch_size": 8,
        "validation_fraction": 0,
    },
)
