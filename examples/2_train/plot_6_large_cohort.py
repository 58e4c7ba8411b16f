"""
A cohort that does not fit into memory
======================================

*How do I train on thousands of nights?* They are computed once into a store on the
disk, and a net reads its batches from there, so that memory does not grow with their
number.
"""

# %%
# Compute the nights once
# -----------------------
# Loaders such as ``load_shhs`` read headers and stages only, and transformers record
# what is to be done: nothing is computed yet. ``fill_store`` takes the nights one by
# one, in as many processes as ``n_jobs`` says. Nights that fail are set aside with the
# reason, and the same call goes on after an interrupt. Here there are six short nights.

import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib import pyplot as plt
from sklearn.pipeline import make_pipeline

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import SpectrumScaler, STFTEpocher
from sleepkit.recording import fill_store, open_store

folder = TemporaryDirectory()
store = Path(folder.name, "store")
X, y, _ = make_polysomnography(6, hours=1, modalities=("eeg", "eog"), random_state=0)
features = make_pipeline(STFTEpocher(), SpectrumScaler("recording"))
failed = fill_store(features.fit_transform(X), store, dtype="float16")
size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
print(f"{size / 1e6:.0f} MB in the store, nights set aside: {failed or 'none'}")

# %%
# Train from the store
# --------------------
# ``open_store`` needs neither the recordings nor the steps again. ``max_ram=1`` makes
# the net read every batch from the files, as it does by itself where the nights are
# larger than ``max_ram``. The peak of the memory that numpy allocates stays as it is
# with twice the nights.

X, y, groups = open_store(store)
stager = MedFuseSleepClassifier(
    d_model=16, n_heads=2, n_layers=1, dim_feedforward=32, d_head=16,
    batch_size=2, max_epochs=1, max_ram=1, validation_fraction=0, random_state=0,
)  # fmt: skip
counts, peaks = (2, 4, 6), []
for count in counts:
    few = np.isin(groups, np.unique(groups)[:count])
    tracemalloc.start()
    stager.fit(X[few], y[few])
    peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
    tracemalloc.stop()

values = [count * X.recordings[0].n_epochs * 2 * 29 * 128 * 4 / 1e6 for count in counts]
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(counts, values, "o:", label="all values as float32")
ax.plot(counts, peaks, "o-", label="peak while training from the store")
ax.set(xlabel="Nights", ylabel="Memory (MB)", ylim=(0, None), xticks=counts)
ax.legend()

# %%
# More machines
# -------------
# ``sleepkit prepare`` does the first step on the command line. Folds run on a cluster
# with ``cross_validate_staging(..., n_jobs=...)`` under any backend of joblib, and one
# net on several GPUs with ``device="accelerate"``: see :doc:`/user_guide/scaling_out`.

folder.cleanup()
