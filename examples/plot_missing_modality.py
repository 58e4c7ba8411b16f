"""
What if the EEG electrode fails?
================================

MedFuseSleep is fitted once, on subjects with EEG, EOG and EMG, and then stages a
held-out subject with all three, with each of them missing, and where the EEG fails in
mid-night.
"""

# %%
# A net that a laptop trains
# --------------------------
# Spectra of 2 s, scaled by each night's own statistics, and a small transformer; in
# fewer passes than `make_stager` trains, since there are so few nights.

import numpy as np
from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import evaluate_staging
from sleepkit.pipelines import make_stager
from sleepkit.plotting import HypnogramDisplay
from sleepkit.recording import EpochArray

X, y, groups = make_polysomnography(
    6, hours=2, modalities=("eeg", "eog", "emg"), random_state=0
)
held_out = groups == groups[-1]
stager = make_stager("medfusesleep", random_state=0)
stager.set_params(stage__batch_size=4, stage__max_epochs=10)
stager.fit(X[~held_out], y[~held_out])

# %%
# Each modality missing
# ---------------------
# Nothing is fitted again: every modality has a head of its own, and the fused head
# takes what there is.

print(
    evaluate_staging(
        {"MedFuseSleep": stager}, X[held_out], y[held_out], subsets="drop_one"
    )
)

# %%
# A dead electrode
# ----------------
# The EEG is flat for the second half of the night. `QualityMask` finds out, and these
# epochs are staged by EOG and EMG.

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
