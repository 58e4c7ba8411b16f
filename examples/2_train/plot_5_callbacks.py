"""
Callbacks and trackers
======================

*How do I watch a training, and keep a record of it?* A net of sleepkit is a skorch net,
and ``callbacks=`` takes the callbacks of skorch, those of ``sleepkit.training``, and
your own.
"""

# %%
# A tracker of your own
# ---------------------
# skorch has trackers for TensorBoard (``skorch.callbacks.TensorBoard``), MLflow,
# Weights & Biases and others, for where these are installed. A tracker is no more than
# an object with a few methods; this one appends a line of JSON to a file after each
# pass.

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib import pyplot as plt
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping, EpochScoring

from sleepkit.classifiers import TemporalConvClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.plotting import TrainingDisplay
from sleepkit.preprocessing import BandPower


class JSONLines(Callback):
    """Append the numbers of each pass to a file."""

    def __init__(self, path):
        self.path = path

    def on_epoch_end(self, net, **kwargs):
        last = net.history[-1].items()
        row = {name: value for name, value in last if isinstance(value, int | float)}
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


# %%
# Callbacks of skorch
# -------------------
# ``EpochScoring`` adds a score of the held-out subjects, which ``validation_fraction``
# sets aside; ``EarlyStopping`` ends the training where it gets no better. Scores are
# those of the epochs that have a stage, by any scorer of scikit-learn.

X, y, _ = make_polysomnography(6, hours=2, modalities=("eeg", "eog"), random_state=0)
folder = TemporaryDirectory()
log = Path(folder.name, "training.jsonl")
stager = make_pipeline(
    BandPower(normalize="append"),
    TemporalConvClassifier(
        n_filters=32,
        batch_size=4,
        max_epochs=20,
        validation_fraction=0.3,
        patience=20,
        callbacks=[
            EpochScoring("f1_macro", name="valid_f1", lower_is_better=False),
            EarlyStopping("valid_f1", patience=5, lower_is_better=False),
            JSONLines(log),
        ],
        random_state=0,
    ),
)
stager.fit(X, y)

# %%
# The history
# -----------
# ``net_.history`` has what every callback recorded, and is kept in model files.

history = stager[-1].net_.history
print(f"stopped after {len(history)} of 20 passes")
fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
TrainingDisplay.from_estimator(
    stager, ["train_loss", "valid_loss", "valid_f1"], ax=axes
)

# %%
# The same numbers in the file of the tracker, a line a pass:

lines = log.read_text(encoding="utf-8").splitlines()
print(f"{len(lines)} lines, the last one:")
print(json.dumps(json.loads(lines[-1]), indent=1))
folder.cleanup()
