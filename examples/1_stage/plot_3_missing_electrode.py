"""
A missing electrode
===================

*What is left of the staging when an electrode was not there, or fell off in mid-night?*
MedFuseSleep is fitted once, on subjects with EEG, EOG and EMG. It then stages a
held-out subject with all three, with each of them missing, and with an EEG that fails.
"""

# %%
# A small net
# -----------
# Spectra of 2 s, scaled by the statistics of each night, and a small transformer.

import numpy as np
from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import evaluate_staging
from sleepkit.pipelines import make_stager
from sleepkit.plotting import HypnogramDisplay
from sleepkit.recording import EpochArray

X, y, groups = make_polysomnography(
    5, hours=1.5, modalities=("eeg", "eog", "emg"), random_state=0
)
held_out = groups == groups[-1]
stager = make_stager("medfusesleep", random_state=0)
stager.set_params(stage__batch_size=4, stage__max_epochs=7)
stager.fit(X[~held_out], y[~held_out])

# %%
# Each modality missing
# ---------------------
# Nothing is fitted again: every modality has a head of its own, and one more was trained
# on subsets.

print(
    evaluate_staging(
        {"MedFuseSleep": stager}, X[held_out], y[held_out], subsets="drop_one"
    )
)

# %%
# A failed electrode
# ------------------
# The EEG is flat in the second half of the night. `QualityMask` masks it, and these
# epochs are predicted from EOG and EMG.

(night,) = X[held_out].recordings
eeg = night.signals["eeg"]
samples = eeg.data.copy()
samples[:, samples.shape[1] // 2 :] = 0
flat = eeg.replace(data=samples)
broken = EpochArray([night.with_signals({**night.signals, "eeg": flat})])

fig, axes = plt.subplots(4, figsize=(10, 7), layout="constrained", sharex=True)
for title, nights, ax in (
    ("whole", X[held_out], axes[:2]),
    ("EEG lost in mid-night", broken, axes[2:]),
):
    proba = stager.predict_proba(nights)
    stages = np.asarray(stager.classes_)[proba.argmax(axis=1)]
    HypnogramDisplay.from_predictions(stages, probabilities=proba, ax=ax)
    ax[0].set_title(
        f"{title}: {np.mean(stages == y[held_out]):.0%} of epochs as scored"
    )
