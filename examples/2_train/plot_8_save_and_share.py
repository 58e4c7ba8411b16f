"""
Saving, sharing, loading
========================

*How do I give a stager to somebody else?* As a model file, which holds numbers and no
code: opening one from a stranger runs nothing.
"""

# %%
# A fitted stager
# ---------------

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.exceptions import ModelFileError
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.pipelines import make_stager, stage_night
from sleepkit.preprocessing import BandPower

X, y, groups = make_polysomnography(
    4, hours=1.5, modalities=("eeg", "eog"), random_state=0
)
train = groups != groups[-1]
stager = make_stager("trees", random_state=0)
stager.set_params(stage__estimator__max_iter=15).fit(X[train], y[train])

# %%
# The file
# --------
# The whole Pipeline goes in, so that the file takes raw recordings. ``about`` is for
# what the next user needs to know: what it was trained on, how it was scored, what it
# reached.

folder = TemporaryDirectory()
path = Path(folder.name, "trees.model")
save_model(
    stager,
    path,
    about={
        "nights": "3 simulated subjects, 1.5 h each",
        "scored": "all epochs of a 4th subject",
        "accuracy": round(stager.score(X[~train], y[~train]), 3),
        "licence": "CC0",
    },
)
print(f"{path.stat().st_size / 1e3:.0f} kB")

# %%
# What it says of itself
# ----------------------
# ``model_info`` reads the description without building the model: this, the versions,
# the parameters of each step, and the history of a net.

info = model_info(path)
for name, value in info["about"].items():
    print(f"{name:10}{value}")

# %%
# At the other end
# ----------------
# The predictions are those of the stager that was saved, bit for bit.

again = load_model(path)
night = X[~train].recordings[0]
same = np.array_equal(again.predict_proba(night), stager.predict_proba(night))
print("same probabilities:", same)
fig, axes = plt.subplots(3, figsize=(9, 6), layout="constrained", sharex=True)
stage_night(again, night).hypnogram.plot(ax=axes, other=y[~train])

# %%
# What a model file cannot hold
# -----------------------------
# Code of yours, such as a torch module or a transformer, would have to run when the
# file is opened, so it is refused. ``joblib.dump`` keeps such a stager for yourself.


class OwnBandPower(BandPower):
    """A step of one's own."""


try:
    save_model(OwnBandPower().fit(X[train]), Path(folder.name, "own.model"))
except ModelFileError as error:
    print(error)
folder.cleanup()
