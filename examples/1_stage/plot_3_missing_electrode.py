"""
A missing electrode
===================

*What is left of the staging when an electrode was not there, or fell off in mid-night?*
The stager that comes with sleepkit takes EEG, EOG and chin EMG in any subset, night by
night and epoch by epoch.
"""

# %%
# Each modality missing
# ---------------------
# Every row is the same nights with fewer modalities; nothing is fitted. The subjects
# are simulated, as were some that the stager was trained on: look at what changes, and
# not at how well it does.

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import evaluate_staging
from sleepkit.pipelines import stage_night
from sleepkit.plotting import ModalityContributionDisplay
from sleepkit.pretrained import load_stager

X, y, groups = make_polysomnography(
    3, hours=4, modalities=("eeg", "eog", "emg"), random_state=11
)
X = X.materialize()
stager = load_stager("default")
print(evaluate_staging({"default": stager}, X, y, subsets="drop_one"))

# %%
# Which modality carried which epoch
# ----------------------------------
# The night is staged without each modality in turn. Purple is where the stage would
# hardly have been found without it, orange where it spoke for another one.

night = X.recordings[0]
fig, ax = plt.subplots(figsize=(10, 2), layout="constrained")
ModalityContributionDisplay.from_estimator(stager, night, ax=ax)

# %%
# A failed electrode
# ------------------
# Here the EEG is flat from the middle of the night on. The quality check masks these
# epochs, and they are staged from what is left. Zeros that nobody masks would be taken
# for a signal.

eeg = night.signals["eeg"]
samples = eeg.data.copy()
samples[:, samples.shape[1] // 2 :] = 0
broken = night.with_signals({**night.signals, "eeg": eeg.replace(data=samples)})

fig, axes = plt.subplots(4, figsize=(10, 7), layout="constrained", sharex=True)
for title, each, ax in (
    ("whole", night, axes[:2]),
    ("EEG lost in mid-night", broken, axes[2:]),
):
    hypnogram = stage_night(stager, each).hypnogram
    hypnogram.plot(ax=ax)
    right = np.mean(hypnogram.stages == night.hypnogram)
    ax[0].set_title(f"{title}: {right:.0%} of epochs as scored")

# %%
# For a net of your own that does this, take ``MedFuseSleepClassifier``, or hide
# modalities from it in training: :doc:`/user_guide/missing_modalities`.
