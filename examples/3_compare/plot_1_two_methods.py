"""
Comparing two methods honestly
==============================

*Is one stager better than another, or was it luck?* Give both the same held-out
subjects, compare them subject by subject, and say how much of the difference may be
chance.
"""

# %%
# The same folds for both
# -----------------------
# ``cross_validate_staging`` refuses folds in which a subject is on both sides, and a
# search or a calibration within a stager that does so. Nothing of the held-out subjects
# is seen before they are staged.

import numpy as np
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.exceptions import LeakageError
from sleepkit.preprocessing import BandPower, FitOnSelected

X, y, groups = make_polysomnography(
    8, hours=2, modalities=("eeg", "eog"), random_state=1
)
X = X.materialize()


def stager(context):
    """Logistic regression on the band powers of an epoch and its neighbours."""
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    features = BandPower(normalize="append", context=context)
    return make_pipeline(features, FitOnSelected(linear))


stagers = {"5 epochs": stager(2), "1 epoch": stager(0)}
result = cross_validate_staging(stagers, X, y, cv=4, random_state=0)
print(result)

# %%
# Subject by subject
# ------------------
# Epochs of one night are alike, so that thousands of epochs are still eight subjects.
# The interval comes from drawing subjects, the same ones for both; the test is
# Wilcoxon's on the differences of the subjects.

comparison = result.compare("5 epochs", "1 epoch", random_state=0)
low, high = comparison.interval
print(
    f"kappa differs by {comparison.difference:+.3f}, interval {low:+.3f} to {high:+.3f}"
)
print(f"p = {comparison.p_value:.3f}, {comparison.n_subjects} subjects")

kappa = np.reshape(result.scores(by="subject")["kappa"], (2, -1))  # as in `stagers`
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for longer, single in kappa.T:
    color = "tab:blue" if longer > single else "tab:red"
    ax.plot([0, 1], [single, longer], "o-", color=color)
ax.set_xticks([0, 1], ["1 epoch", "5 epochs"])
ax.set(xlim=(-0.3, 1.3), ylabel="kappa of each held-out subject")

# %%
# What a leak looks like
# ----------------------
# Random folds put epochs of a night on both sides. Such a result is not computed:

random = list(KFold(4, shuffle=True, random_state=0).split(y))
try:
    cross_validate_staging(stagers, X, y, cv=random)
except LeakageError as error:
    print(error)

# %%
# What to report
# --------------
# Which epochs are scored, by what folds, with which versions and seeds:
# ``result.save(folder)`` writes all of it beside the predictions of every epoch, so
# that somebody else can check.

print(*sorted(result.protocol), sep=", ")
