"""
A search: GridSearchCV and Optuna
=================================

*Which parameters suit my nights?* Searches of scikit-learn and of Optuna take nights as
they are, if the folds are by subject and the nights are computed once.
"""

# %%
# A stager with a cache
# ---------------------
# Every candidate is fitted on every fold. `Cache` keeps the band powers of each night,
# so that they are computed once and not again for each fit. A search may set any
# parameter of any step; those before the cache make nights be computed anew.

import warnings
from tempfile import TemporaryDirectory

import numpy as np
import optuna
from matplotlib import pyplot as plt
from optuna.distributions import FloatDistribution
from optuna_integration import OptunaSearchCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.datasets import make_polysomnography
from sleepkit.model_selection import SubjectKFold
from sleepkit.preprocessing import BandPower, Cache, FitOnSelected

X, y, groups = make_polysomnography(
    6, hours=2, modalities=("eeg", "eog"), random_state=0
)
X = X.materialize()
folder = TemporaryDirectory()
classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
stager = Pipeline(
    [
        ("features", BandPower(normalize="append")),
        ("cache", Cache(folder.name)),
        ("stage", FitOnSelected(classifier)),
    ]
)
name = "stage__estimator__logisticregression__C"

# %%
# A grid
# ------
# ``SubjectKFold`` takes the subjects from ``X``. With ``cv=3`` epochs of one night
# would be in training and in test, and the best candidate would be the one that knows
# the night.

grid = GridSearchCV(
    stager, {name: np.logspace(-4, 1, 4)}, cv=SubjectKFold(3), scoring="f1_macro"
).fit(X, y)
print(f"grid: C = {grid.best_params_[name]:.2g}, macro-F1 {grid.best_score_:.3f}")

# %%
# Optuna
# ------
# ``OptunaSearchCV``, of the package ``optuna-integration``, is a search that proposes
# the next candidate by the results of the ones before. It takes the nights and the
# folds as they are, or ``groups`` with scikit-learn's ``GroupKFold``. Optuna calls it
# experimental.

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", ".*[Oo]ptuna")
search = OptunaSearchCV(
    stager,
    {name: FloatDistribution(1e-4, 10, log=True)},
    cv=SubjectKFold(3),
    scoring="f1_macro",
    n_trials=6,
    random_state=0,
).fit(X, y)
print(f"Optuna: C = {search.best_params_[name]:.2g}, macro-F1 {search.best_score_:.3f}")

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
tried = grid.cv_results_[f"param_{name}"].astype(float)
ax.plot(tried, grid.cv_results_["mean_test_score"], "o-", label="grid")
trials = search.trials_
ax.plot(
    [trial.params[name] for trial in trials],
    [trial.value for trial in trials],
    "x",
    label="Optuna",
)
ax.set(xscale="log", xlabel="C", ylabel="Macro-F1 of held-out subjects")
ax.legend()

# %%
# What the winner is worth
# ------------------------
# The best score of a search is optimistic: it was chosen for being high. Subjects that
# the search has not seen are held out by a second split around it.

scores = cross_val_score(grid, X, y, cv=SubjectKFold(2), scoring="f1_macro")
print(f"grid, on subjects that it has not seen: macro-F1 {scores.mean():.3f}")
folder.cleanup()
