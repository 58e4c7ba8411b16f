"""
A torch module of your own
==========================

*Can I stage with my own net?* `ModuleClassifier` makes a scikit-learn stager of any
torch module. The one below has 15 lines; splits by subject, early stopping, missing
signal and evaluation come with the stager.
"""

# %%
# The module
# ----------
# The input is the tensor of one modality, here sequences of features, of shape
# ``(batch, seq, n_features)``; the output are logits. ``n_classes`` and ``layout`` are
# passed because the constructor names them. With ``encode`` and ``decode``, each epoch
# of a night is encoded once, although it is in several overlapping sequences.

from matplotlib import pyplot as plt
from sklearn.pipeline import make_pipeline
from torch import nn

from sleepkit.classifiers import ModuleClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.evaluation import cross_validate_staging
from sleepkit.preprocessing import BandPower


class GRUStager(nn.Module):
    def __init__(self, layout, n_classes, hidden=32):
        super().__init__()
        (n_features,) = layout["eeg"]
        self.encoder = nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU())
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, n_classes)

    def forward(self, x):
        return self.decode(self.encode(x))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, encoded):
        return self.head(self.gru(encoded)[0])


# %%
# A stager of it
# --------------
# Parameters of the module are named ``module__x``, so that a search can set them.

X, y, groups = make_polysomnography(8, hours=1, modalities=("eeg",), random_state=0)
stager = make_pipeline(
    BandPower(normalize="append"),
    ModuleClassifier(
        GRUStager,
        module__hidden=16,
        sequence_length=20,
        batch_size=8,
        lr=0.01,
        max_epochs=15,
        validation_fraction=0.2,
        random_state=0,
    ),
)
print(cross_validate_staging({"GRU": stager}, X, y, cv=4))

# %%
# Training
# --------
# The skorch net of a fitted stager, ``net_``, has the history of its training.

stager.fit(X, y)
history = stager[-1].net_.history
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(history[:, "train_loss"], label="training")
ax.plot(history[:, "valid_loss"], label="validation subjects")
ax.set(xlabel="Pass", ylabel="Loss")
ax.legend()
plt.show()

# %%
# What a model file cannot hold
# -----------------------------
# Model files of `sleepkit.persistence` run no code, so they hold sleepkit's own classes
# only. Keep a fitted stager of your own module with ``joblib.dump``, which only you
# should load, or its weights with ``torch.save``, from ``stager[-1].module_``.
