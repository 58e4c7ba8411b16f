"""Draw the picture of the README: ``python docs/draw_night.py`` writes docs/night.png.

A simulated night of 8 h, whose subject the default stager has not seen, is staged by it
from EEG, EOG and EMG, and drawn below the stages of the simulation.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from sleepkit.datasets import make_polysomnography
from sleepkit.metrics import staging_scores
from sleepkit.pipelines import stage_night
from sleepkit.plotting import HypnogramDisplay
from sleepkit.pretrained import load_stager

SEED = 2026  # the stager was trained on subjects of seed 0
OUT = Path(__file__).with_name("night.png")


def main() -> None:
    """Simulate, stage and draw."""
    X, true, _ = make_polysomnography(
        1, hours=8, modalities=("eeg", "eog", "emg"), random_state=SEED
    )
    staged = stage_night(load_stager(), X.recordings[0])
    figure = Figure(figsize=(9, 5), layout="constrained")
    HypnogramDisplay.from_predictions(
        staged.hypnogram.stages,
        probabilities=staged.hypnogram.probabilities,
        true=true,
        ax=figure.subplots(3, sharex=True),
    )
    kappa = staging_scores(true, staged.hypnogram.stages)["kappa"]
    figure.suptitle(
        f"A simulated night, staged by the default stager (kappa {kappa:.2f})"
    )
    figure.savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
