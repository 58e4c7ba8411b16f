"""
Review by confidence
====================

*Which epochs should a human check, and what is gained by it?* A stager knows something
about where it errs: the highest of the five probabilities of an epoch is its
confidence.
"""

# %%
# Predictions of held-out subjects
# --------------------------------
# Confidence has to be judged on subjects that the stager was not trained on.
# ``cross_val_predict`` returns the probabilities of each subject from a fit to others.

import numpy as np
from matplotlib import pyplot as plt
from sklearn.model_selection import cross_val_predict

from sleepkit.datasets import make_polysomnography
from sleepkit.metrics import selective_staging
from sleepkit.model_selection import SubjectKFold
from sleepkit.pipelines import make_stager
from sleepkit.plotting import HypnogramDisplay, ReliabilityDisplay

X, y, _ = make_polysomnography(
    6, hours=2, modalities=("eeg", "eog"), noise=2, random_state=5
)
X = X.materialize()
stager = make_stager("trees", random_state=0)
stager.set_params(stage__estimator__max_iter=15)
proba = cross_val_predict(stager, X, y, cv=SubjectKFold(3), method="predict_proba")

# %%
# Is the confidence right?
# ------------------------
# Of epochs with a confidence of .8, 80 % should be right. Points below the diagonal are
# overconfident, above it too modest.

ReliabilityDisplay.from_predictions(y, proba, n_bins=10)

# %%
# What a review buys
# ------------------
# The least confident epochs are left to a human. The accuracy of the others rises;
# where the human is always right, so does that of the whole. A random choice of epochs
# would raise the latter along a straight line.

table = selective_staging(y, proba)
deferred, kept = table["deferred"], table["accuracy"]
joint = deferred + (1 - deferred) * kept
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(100 * deferred, 100 * kept, label="epochs that are kept")
ax.plot(100 * deferred, 100 * joint, label="together with a perfect human")
ax.plot([0, 100], [100 * kept[0], 100], ":", color="gray", label="epochs at random")
ax.set(xlabel="Epochs reviewed (%)", ylabel="Accuracy (%)")
ax.legend()
few = np.abs(deferred - 0.1).argmin()
print(
    f"{kept[0]:.1%} correct; {joint[few]:.1%} after a review of {deferred[few]:.0%} "
    "of the epochs"
)

# %%
# The list for one night
# ----------------------
# The ten least confident epochs of one subject, marked below its hypnogram.
# ``StagedNight.doubtful``, as ``sleepkit stage --json``, is such a list with the epochs
# of bad signal before all others.

one = X.subject == X.subject[0]
stages, confidence = proba[one].argmax(axis=1), proba[one].max(axis=1)
check = np.argsort(confidence)[:10]
fig, axes = plt.subplots(2, figsize=(9, 4), layout="constrained", sharex=True)
HypnogramDisplay.from_predictions(stages, true=y[one], ax=axes)
for epoch in check:
    axes[1].axvline(30 * (epoch + 0.5), color="tab:orange", alpha=0.7)
print("of these ten,", np.sum(stages[check] != y[one][check]), "differ from the truth")
