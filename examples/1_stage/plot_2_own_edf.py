"""
Your own EDF
============

*Which channels of my file are used, and where does the hypnogram go?* Labels differ
from laboratory to laboratory, so look at what was understood before you stage.
"""

# %%
# A file
# ------
# Yours is on the disk already. This one is written here, with labels of a laboratory
# that calls the chin "XYZ".

from pathlib import Path
from tempfile import TemporaryDirectory

import edfio
from matplotlib import pyplot as plt

from sleepkit.datasets import make_polysomnography
from sleepkit.io import (
    describe_channels,
    read_hypnogram,
    read_recording,
    write_hypnogram,
)
from sleepkit.pipelines import stage_night
from sleepkit.pretrained import load_stager

folder = TemporaryDirectory()
path = Path(folder.name, "night.edf")
X, y, _ = make_polysomnography(1, hours=3, random_state=4)
labels = {"eeg": "EEG C4-A1", "eog": "LOC-A2", "emg": "EMG XYZ", "ecg": "EMG Leg L"}
signals = [
    edfio.EdfSignal(
        block.data[0].astype(float),
        block.sfreq,
        label=labels[name],
        physical_dimension="uV",
    )
    for name, block in X.recordings[0].signals.items()
]
edfio.Edf(signals).write(path)

# %%
# What is understood
# ------------------
# A label is read word by word, and a channel with a word that is not known is never
# guessed: the note says what it may be, or why it is left out.

for row in describe_channels(path):
    print(f"{row.label:11}{row.modality or '-':5}{row.sfreq:5.0f} Hz  {row.note or ''}")

# %%
# So name the chin. A string is a label, a pair of labels is their difference, and a
# number a position. Signals are read when they are needed.

night = read_recording(
    path, channels={"eeg": "EEG C4-A1", "eog": "LOC-A2", "emg": "EMG XYZ"}
)
print(night)

# %%
# Stage it, and keep the hypnogram
# --------------------------------
# The suffix chooses the format: CSV, EDF+ annotations, JSON, BIDS and others. A file
# that exists is not replaced, unless ``overwrite=True``.

staged = stage_night(load_stager("default"), night)
result = Path(folder.name, "night-hypnogram.csv")
write_hypnogram(result, staged.hypnogram)
print(*result.read_text(encoding="utf-8").splitlines()[:4], sep="\n")

# %%
# ``sleepkit stage night.edf --out results/`` does all this on the command line. The
# file is read again by ``read_hypnogram``, as are those of other programs, and drawn
# below another scoring of the same night: here the simulated stages.

fig, axes = plt.subplots(3, figsize=(9, 6), layout="constrained", sharex=True)
read_hypnogram(result).plot(ax=axes, other=y)
folder.cleanup()
