"""Graphs of stagers give the probabilities of the stagers."""

from __future__ import annotations

from copy import copy
from itertools import combinations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import LogPoolClassifier
from sleepkit.exceptions import SleepkitWarning, StepError
from sleepkit.export import OnnxStager, to_onnx
from sleepkit.pipelines import make_stager
from sleepkit.preprocessing import NotchFilter, QualityMask
from sleepkit.pretrained import load_stager
from sleepkit.recording import Recording

SUBSETS = [("eeg",), ("eog",), ("eeg", "eog")]
TRIPLE = [s for k in (1, 2, 3) for s in combinations(("eeg", "emg", "eog"), k)]
EQUAL = {"rtol": 0, "atol": 1e-5}


def weights(net):
    """Bytes of the weights of a net."""
    values = net.state_dict().values()
    return sum(x.numel() * x.element_size() for x in values)


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.filterwarnings("ignore:.*no valid signal")
def test_pool_from_signals(powers_stager, powers_file, nights, subset):
    X = nights.select(list(subset))
    staged = OnnxStager(powers_file, n_threads=1).predict_proba(X)
    np.testing.assert_allclose(staged, powers_stager.predict_proba(X), **EQUAL)


@pytest.mark.filterwarnings("ignore:.*no valid signal")
def test_any_length(powers_stager, powers_file, nights):
    night = nights.recordings[0]
    short = {n: s.replace(data=s.data[:, :45_050]) for n, s in night.signals.items()}
    short = {n: s.replace(valid=s.valid[:15]) for n, s in short.items()}
    part = Recording(id="part", subject="part", signals=short)
    staged = OnnxStager(powers_file, n_threads=1).predict_proba(part)
    assert len(staged) == 15
    np.testing.assert_allclose(staged, powers_stager.predict_proba(part), **EQUAL)


@pytest.fixture(scope="module")
def sleepmg_file(sleepmg, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "sleepmg.onnx"
    to_onnx(sleepmg, path)
    return path


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.filterwarnings("ignore:.*no valid signal")
def test_sleepmg_from_epochs(sleepmg, sleepmg_file, nights, subset):
    X = nights.select(list(subset))
    staged = OnnxStager(sleepmg_file, n_threads=1).predict_proba(
        sleepmg[:-1].transform(X)
    )
    np.testing.assert_allclose(staged, sleepmg.predict_proba(X), **EQUAL)


def test_the_file_is_hardly_larger_than_the_weights(sleepmg, sleepmg_file):
    assert sleepmg_file.stat().st_size < 1.1 * weights(sleepmg[-1].module_)


@pytest.mark.slow
def test_also_where_the_net_is_small(nights, tmp_path):
    stager = make_stager("medfusesleep", size="small", random_state=0)
    stager.set_params(quality="passthrough", stage__max_epochs=1)
    stager.set_params(stage__leave_out_noise=False)
    stager.fit(nights, nights.hypnogram)
    to_onnx(stager, tmp_path / "small.onnx", sfreq=100)
    size = (tmp_path / "small.onnx").stat().st_size
    assert size < 1.1 * weights(stager[-1].module_)


@pytest.mark.slow
@pytest.mark.parametrize("sfreq", [None, 100])
def test_medfuse(medfuse, tmp_path, sfreq):
    stager, X = medfuse
    to_onnx(stager, tmp_path / "medfuse.onnx", sfreq=sfreq)
    graph = OnnxStager(tmp_path / "medfuse.onnx", n_threads=1)
    for subset in TRIPLE:
        part = X.select(list(subset))
        given = part if sfreq else stager[:-1].transform(part)
        expected = stager.predict_proba(part)
        np.testing.assert_allclose(graph.predict_proba(given), expected, **EQUAL)
    if sfreq is None:
        together = _in_one_run(graph, stager[:-1].transform(X))
        np.testing.assert_allclose(together, stager.predict_proba(X), **EQUAL)


def _in_one_run(graph, X):
    """Stage several nights as a batch, one behind the other."""
    each = [graph.inputs(recording) for recording in X.recordings]
    start = 0
    for inputs, recording in zip(each, X.recordings, strict=True):
        inputs["sequences"] = inputs["sequences"] + start
        start += recording.n_epochs
    batch = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    return graph._session.run(None, batch)[0]


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.*no valid signal:sleepkit.exceptions.SleepkitWarning"
)
def test_default_stager_at_another_rate(nights, tmp_path):
    stager = load_stager().set_params(quality="passthrough")
    to_onnx(stager, tmp_path / "default.onnx", sfreq=100)
    graph = OnnxStager(tmp_path / "default.onnx", n_threads=1)
    for subset in SUBSETS:
        X = nights.select(list(subset))
        np.testing.assert_allclose(
            graph.predict_proba(X), stager.predict_proba(X), **EQUAL
        )


def test_steps_outside_of_the_graph(sleepmg, sleepmg_file, tmp_path):
    assert OnnxStager(sleepmg_file).about["outside"] == ["Resampler", "SignalScaler"]
    masked = Pipeline([("quality", QualityMask()), *sleepmg.steps])
    path, about = tmp_path / "none.onnx", {"classes": [], "mine": 1}
    with (
        pytest.warns(SleepkitWarning, match="has no QualityMask: transform nights"),
        pytest.raises(ValueError, match=r"'about' .* must not name classes"),
    ):
        to_onnx(masked, path, sfreq=100, n_channels=1, about=about)
    assert not path.exists()


def test_a_graph_leaves_no_modality_out(medfuse, tmp_path):
    pipeline, X = medfuse
    stager = copy(pipeline[-1])
    stager.leave_out_noise = True
    member = Pipeline([*pipeline.steps[:-1], ("stage", stager)])
    pool = LogPoolClassifier([("net", member)], prefit=True).fit(X, X.hypnogram)
    params = {"path": tmp_path / "none.onnx", "about": {"classes": []}}
    signals = {"sfreq": 100, "n_channels": 1}
    for each, more in ((stager, {}), (pool, signals)):
        with (
            pytest.warns(SleepkitWarning, match="also reads modalities that are noise"),
            pytest.raises(ValueError, match="must not name classes"),
        ):
            to_onnx(each, **params, **more)
    for name, value in {"leave_out_noise": False, "multi_view": 0.0}.items():
        other = copy(stager)
        setattr(other, name, value)
        with pytest.raises(ValueError, match="must not name classes"):
            to_onnx(other, **params)
    features = pipeline[:-1].transform(X.select(["eeg"]))
    alone = clone(stager).fit(features, X.hypnogram)
    with pytest.raises(ValueError, match="must not name classes"):
        to_onnx(alone, **params)


@pytest.mark.parametrize("sfreq", [None, 100])
def test_other_classifiers_are_named(sfreq, tmp_path):
    other = DummyClassifier().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(StepError, match="DummyClassifier has no graph"):
        to_onnx(other, tmp_path / "none.onnx", sfreq=sfreq)


def test_what_has_no_graph_is_named(sleepmg, powers_stager, tmp_path):
    path = tmp_path / "none.onnx"
    notch = Pipeline([("notch", NotchFilter()), *sleepmg.steps])
    with pytest.raises(StepError, match="The step 'notch', NotchFilter, has no graph"):
        to_onnx(notch, path, sfreq=100)
    with pytest.raises(StepError, match="reach above 25 Hz"):
        to_onnx(powers_stager, path, sfreq=50, n_channels=1)
    with pytest.raises(StepError, match="fitted on 'eeg' epochs of shape"):
        to_onnx(sleepmg, path, sfreq=20, n_channels=2)
    with pytest.raises(ValueError, match="to_onnx needs sfreq"):
        to_onnx(powers_stager, path)
    with pytest.raises(
        ValueError, match="'sfreq' parameter of to_onnx must name 'eog'"
    ):
        to_onnx(sleepmg, path, sfreq={"eeg": 20.0})
    assert not path.exists()
