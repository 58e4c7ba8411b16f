"""
Preprocessing a night
=====================

*What does each step do to my signals?* One simulated night, before and after filters,
resampling, spectra and the mask of bad epochs.
"""

# %%
# A night at native rates
# -----------------------

import matplotlib.pyplot as plt
import numpy as np

from sleepkit.datasets import make_polysomnography
from sleepkit.preprocessing import BandpassFilter, QualityMask, Resampler, STFTEpocher

X, y, _ = make_polysomnography(
    1, hours=2, modalities=("eeg", "eog"), noise=3, random_state=3
)
X = X.materialize()

# %%
# Filters and rates
# -----------------
# Filters run over the whole night, so epochs have no edge effects. Here is one epoch of
# N2.

epoch = np.flatnonzero(y == 2)[20]
filtered = BandpassFilter({"eeg": (0.3, 35), "eog": (0.3, 10)}).fit_transform(X)
slow = Resampler(64).fit_transform(filtered)

fig, axes = plt.subplots(2, 1, sharex=True, layout="constrained")
for ax, name in zip(axes, X.modalities, strict=True):
    for nights, label in [(X, "recorded"), (slow, "filtered, at 64 Hz")]:
        values = nights[[epoch]].epochs(name)[0, 0]
        ax.plot(np.linspace(0, 30, values.size), values, label=label, linewidth=0.7)
    ax.set_ylabel(f"{name} (µV)")
axes[0].legend(loc="upper right")
axes[-1].set_xlabel("time (s)")

# %%
# Spectra
# -------
# ``STFTEpocher`` computes 29 frames of 128 bins per epoch. Side by side, they show the
# course of the night.

spectra = STFTEpocher().fit_transform(Resampler(100).fit_transform(filtered))
frames = spectra.epochs("eeg")[:, 0].reshape(-1, 128)

fig, ax = plt.subplots(layout="constrained")
image = ax.imshow(
    frames.T,
    aspect="auto",
    origin="lower",
    extent=(0, len(y) / 2, 0, 50),
    vmin=-20,
    vmax=25,
)
ax.set(xlabel="time (min)", ylabel="frequency (Hz)", ylim=(0, 35))
fig.colorbar(image, label="amplitude (dB)")

# %%
# Bad epochs
# ----------
# ``QualityMask`` masks bad epochs of each modality; the other modalities stay in use.

for name, valid in QualityMask().fit_transform(X).valid.items():
    print(f"{name}: {np.mean(valid):.1%} of the epochs are valid")
