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
from sleepkit.persistence import load_model, model_card, model_info, save_model
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
# reached. :doc:`/user_guide/sharing` lists the names that a card shows.

folder = TemporaryDirectory()
path = Path(folder.name, "trees.model")
save_model(
    stager,
    path,
    about={
        "method": "trees",
        "trained_on": "3 simulated subjects, 1.5 h each",
        "scored_on": "all epochs of a 4th subject",
        "scores": [{"accuracy": stager.score(X[~train], y[~train])}],
        "licence": "CC0-1.0",
    },
)
print(f"{path.stat().st_size / 1e3:.0f} kB")

# %%
# What it says of itself
# ----------------------
# Its card is made without building the model. ``model_info`` has all that is in the
# file: this, the versions, every parameter of each step, and the history of a net.

print(model_card(path).to_markdown())
print(*model_info(path), sep=", ")

# %%
# At the other end
# ----------------
# The predictions are those of the stager that was saved, bit for bit. A file goes there
# as any other does, or through a hub: ``push_model`` returns an address that
# ``load_model`` takes.

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
