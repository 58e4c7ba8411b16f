"""
Staging a held-out subject
==========================

Boosted trees on band powers are trained on a few subjects, and predict the hypnogram of
another one.
"""

# %%
# Nights
# ------
# A row of ``X`` is one epoch of 30 s, and ``groups`` holds its subject.

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import make_pipeline

from sleepkit.datasets import make_polysomnography
from sleepkit.plotting import HypnogramDisplay
from sleepkit.preprocessing import BandPower, FitOnSelected

X, y, groups = make_polysomnography(
    6, hours=3, modalities=("eeg", "eog", "emg"), random_state=0
)
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
display = HypnogramDisplay.from_predictions(
    stages, probabilities=stager.predict_proba(night), true=y[new]
)
print(f"Cohen's kappa: {cohen_kappa_score(y[new], stages):.2f}")
