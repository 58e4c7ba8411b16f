"""
A first night
=============

*What did this night look like?* The stager that comes with sleepkit turns a recording
into a hypnogram, the statistics of the night, and a list of what to look at.
"""

# %%
# A recording
# -----------
# ``read_recording("night.edf")`` reads one from a file, see
# :ref:`sphx_glr_auto_examples_1_stage_plot_2_own_edf.py`. Here a night is simulated.

from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.pipelines import stage_night, staging_warnings
from sleepkit.plotting import SpectrogramDisplay
from sleepkit.pretrained import card, load_stager

X, y, _ = make_polysomnography(
    1, hours=6, modalities=("eeg", "eog", "emg"), random_state=21
)
(night,) = X.recordings
print(night)

# %%
# Its hypnogram
# -------------
# ``stage_night`` returns a stage and five probabilities for each epoch of 30 s. Epochs
# of bad signal are staged as well, and flagged. Above them is the spectrogram of the
# EEG, in which slow waves and spindles show.

staged = stage_night(load_stager("default"), night)
fig, axes = plt.subplots(3, figsize=(10, 7), layout="constrained", sharex=True)
SpectrogramDisplay.from_recording(night, ax=axes[0])
staged.hypnogram.plot(ax=axes[1:])

# %%
# The night in numbers
# --------------------
# Minutes and per cent; :func:`~sleepkit.metrics.sleep_statistics` explains each.

statistics = staged.hypnogram.statistics()
for name in ("TIB", "TST", "SE", "SOL", "WASO", "Lat_REM", "%N1", "%N2", "%N3", "%REM"):
    print(f"{name:8}{statistics[name]:7.1f}")
print(f"{len(staged.hypnogram.cycles())} sleep cycles")

# %%
# What to look at
# ---------------
# Nothing about this night is implausible; for a night of another kind, such as one of
# Wake only, there would be warnings. Some epochs are doubtful, the first one most of
# all.

print(staging_warnings(staged) or "no warnings")
print(f"{len(staged.doubtful)} doubtful epochs:", staged.doubtful[:5], "...")

# %%
# The simulator knows the true stages, but the stager was trained on such nights among
# others, so its agreement with them would say nothing. Its card says what it was
# trained on, needs and reaches; :doc:`/results/default_stager` has real recordings.

print(card("default").partition("## Steps")[0])
