"""Shared by all tests; each folder's ``conftest.py`` names its own at the top.

Fixtures
--------
make_night : a factory of small recordings, a rhythm in noise, scored with the stages
feature_nights : a folder of feature nights, as the pretrained stagers are trained on
models : a folder with the models and cards of a tiny recipe
dask_client : a client of two processes of one thread; skips where there is no Dask
hub : a hub of models on this computer; skips where there is no huggingface-hub
real_data : the folder of real recordings; the test skips where there is none
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

SFREQ = {"eeg": 100.0, "eog": 50.0, "emg": 100.0, "ecg": 200.0}
RHYTHM = {"eeg": 10.0, "eog": 0.5, "emg": 30.0, "ecg": 1.0}  # hertz


@pytest.fixture(scope="session")
def make_night():
    """A factory of small recordings: a rhythm in noise for each modality.

    ``make_night(n_epochs=4, modalities=("eeg", "eog"), *, sfreq=None, seed=0,
    hypnogram=None, **recording)``: `sfreq` is one rate for all or a rate for each
    modality (default `SFREQ`), `hypnogram` defaults to the stages in turn, and
    anything else goes to `Recording` (``id="..."``, ``subject="..."``).
    """
    from sleepkit.recording import Recording, Signal

    def make(
        n_epochs=4,
        modalities=("eeg", "eog"),
        *,
        sfreq=None,
        seed=0,
        hypnogram=None,
        **recording,
    ):
        rng = np.random.default_rng(seed)
        rates = sfreq if isinstance(sfreq, dict) else dict.fromkeys(modalities, sfreq)
        duration = recording.get("epoch_duration", 30.0)
        signals = {}
        for name in modalities:
            rate = rates.get(name) or SFREQ.get(name, 100.0)
            times = np.arange(round(n_epochs * duration * rate)) / rate
            rhythm = 20 * np.sin(2 * np.pi * RHYTHM.get(name, 1.0) * times)
            data = rhythm + 10 * rng.standard_normal(times.size)
            signals[name] = Signal(data[np.newaxis], sfreq=rate, ch_names=(name,))
        if hypnogram is None:
            hypnogram = np.arange(n_epochs) % 5
        recording = {"id": f"night{seed}", "subject": f"s{seed}", **recording}
        return Recording(signals=signals, hypnogram=hypnogram, **recording)

    return make


@pytest.fixture(scope="session")
def dask_client():
    """Client of two Dask workers, processes of one thread each; else the test skips."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # each test process has a cluster
        silence_logs=logging.ERROR,
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this computer, in place of the real one; its cache is temporary."""
    constants = pytest.importorskip("huggingface_hub.constants")
    from tests.persistence.hub_stub import HubStub

    with HubStub() as stub:
        thread = Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", stub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield stub
        stub.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real recordings; skips the test where there is none."""
    folder = os.environ.get("SLEEPKIT_REAL_DATA")
    if not folder:
        pytest.skip("SLEEPKIT_REAL_DATA is not set: no real recordings here")
    return Path(folder)


@pytest.fixture(scope="session")
def feature_nights(tmp_path_factory):
    """A folder of feature nights of five people, all stages in each."""
    folder = tmp_path_factory.mktemp("nights")
    rng = np.random.default_rng(0)
    for person in range(5):
        labels = np.arange(30) % 5
        features = rng.normal(size=(30, 3, 10)) + labels[:, np.newaxis, np.newaxis]
        labels[3] = -100
        np.savez(
            folder / f"SC4{person:02d}_night1.npz",
            features=features.astype(np.float32),
            labels=labels,
        )
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory, feature_nights):
    """A folder with the models and cards of the tiny recipe."""
    from sleepkit.pretrained import pretrain
    from tests.tiny_recipe import TINY

    out = tmp_path_factory.mktemp("models")
    pretrain(feature_nights, out, recipe=TINY)
    return out
