"""
Features instead of signals
===========================

*Do I need a net?* Boosted trees on band powers are quick to train, and a good first
stager: features of nights, and any classifier of scikit-learn.
"""

# %%
# Nights
# ------
# A row of ``X`` is one epoch of 30 s, and ``groups`` holds its subject.

import numpy as np
from matplotlib import pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import make_pipeline

from sleepkit.datasets import make_polysomnography
from sleepkit.plotting import HypnogramDisplay
from sleepkit.preprocessing import BandPower, FitOnSelected
from sleepkit.recording import EpochArray

X, y, groups = make_polysomnography(
    6, hours=3, modalities=("eeg", "eog", "emg"), random_state=0
)
X = X.materialize()
print(X)

# %%
# A stager
# --------
# The features of an epoch include those of its neighbours, and their values relative to
# the night. Nothing is computed before ``fit``.

trees = HistGradientBoostingClassifier(max_iter=30, random_state=0)
stager = make_pipeline(BandPower(normalize="append", context=1), FitOnSelected(trees))

new = groups == groups[-1]
stager.fit(X[~new], y[~new])

# %%
# The held-out subject
# --------------------
# Predicted stages and probabilities, below the simulated stages.

night = X[new]
stages = stager.predict(night)
fig, axes = plt.subplots(3, figsize=(9, 6), layout="constrained", sharex=True)
HypnogramDisplay.from_predictions(
    stages, probabilities=stager.predict_proba(night), true=y[new], ax=axes
)
print(f"Cohen's kappa: {cohen_kappa_score(y[new], stages):.2f}")

# %%
# The table itself
# ----------------
# ``np.asarray`` makes an array of the features, and ``set_output`` a table of pandas
# with their names, for any other library. Features that were computed elsewhere come in
# through ``EpochArray.from_arrays``, which groups their rows by night.

power = BandPower().fit(X)
table = np.asarray(power.transform(X))
names = power.get_feature_names_out()
print(table.shape, *names[:4], "...")
columns = {
    name: np.flatnonzero([each.startswith(name) for each in names])
    for name in X.modalities
}
again = EpochArray.from_arrays(
    table,
    recording=X.recording,
    epoch=X.epoch,
    subject=X.subject,
    modalities=columns,
)
print(again)
