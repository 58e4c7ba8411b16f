"""
Adapting the default stager
===========================

*My laboratory records differently: can a few scored nights help?* ``adapt`` continues
the training of the stager that comes with sleepkit on them.
"""

# %%
# A laboratory of its own
# -----------------------
# Its electrode is O1-M2, where slow waves and spindles are small, and its scorer calls
# an epoch N3 only where slow waves fill more than half of it. Three nights are scored;
# those of five other subjects show what is gained.

from matplotlib import pyplot as plt

from sleepkit.datasets import Site, make_polysomnography
from sleepkit.evaluation import evaluate_staging
from sleepkit.plotting import ConfusionDisplay
from sleepkit.pretrained import adapt, load_stager

site = Site(eeg="O1-M2", n3_threshold=0.55)
X, y, groups = make_polysomnography(
    8, hours=3, site=site, modalities=("eeg", "eog"), random_state=3
)
own = X.subject < "sim:0004"
print("scored nights:", *sorted(set(X.subject[own])))

# %%
# Before and after
# ----------------
# A net that sees new nights only forgets the stages that these lack. So simulated
# nights of laboratories of all kinds are mixed in; ``replay=`` takes others. ``adapt``
# changes the stager that it gets, here a second copy.

before = load_stager("default")
after = adapt(load_stager("default"), X[own], y[own])
result = evaluate_staging({"as it comes": before, "adapted": after}, X[~own], y[~own])
print(result)
comparison = result.compare("adapted", "as it comes", random_state=0)
low, high = comparison.interval
print(
    f"kappa differs by {comparison.difference:+.3f}, interval {low:+.3f} to {high:+.3f}"
)

# %%
# What has changed
# ----------------
# Rows are the stages of the laboratory's scorer, in shares of each. The adapted stager
# has taken up this scorer's habit, and calls less N3; here it goes a little too far.

fig, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for name, ax in zip(result.estimators, axes, strict=True):
    staged = result.predictions(name)
    ConfusionDisplay.from_predictions(staged["true"], staged["predicted"], ax=ax)
    ax.set_xlabel(f"predicted, {name}")

# %%
# The default stager was trained on simulated nights, so this is a fair picture of how
# it is done, not of what it brings: :doc:`/results/default_stager_subjects` has real
# nights. On the command line it is ``sleepkit adapt nights/ --out my.model``.
