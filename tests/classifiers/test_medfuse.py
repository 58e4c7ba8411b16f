import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import Pipeline

from sleepkit.classifiers import MedFuseSleepClassifier
from sleepkit.classifiers._head_selector import HeadSelector
from sleepkit.datasets import make_polysomnography
from sleepkit.nn import (
    MedFuseLoss,
    MedFuseNet,
    MedFuseOutput,
    alignment_loss,
    multi_view_loss,
)
from sleepkit.preprocessing import Resampler, SpectrumScaler, STFTEpocher
from sleepkit.recording import EpochArray
from sleepkit.training import CosineSchedule


def test_defaults_are_those_of_the_paper():
    paper = {"d_model": 128, "n_heads": 8, "n_layers": 4, "dim_feedforward": 1024}
    paper |= {"dropout": 0.3, "max_relative_distance": 6, "d_head": 1024}
    paper |= {"sequence_length": 21, "batch_size": 16, "lr": 1e-4, "weight_decay": 1e-4}
    paper |= {"multi_view": 1.0, "alignment": 0.1, "temperature": 0.1}
    paper |= {"negatives": "sequence", "class_weight": None}
    assert paper.items() <= MedFuseSleepClassifier().get_params().items()


def test_parameters_reach_the_net_and_adam(medfuse, make_nights):
    sizes = {"d_model": 12, "n_heads": 3, "n_layers": 2, "dim_feedforward": 20}
    sizes |= {"max_relative_distance": 4, "d_head": 14, "dropout": 0.25}
    stager = medfuse(**sizes, lr=0.003, weight_decay=0.02, max_epochs=2)
    stager.fit(*make_nights(2))
    expected = MedFuseNet(stager.layout_, **sizes)
    assert str(stager.module_) == str(expected)
    shapes = {name: value.shape for name, value in expected.state_dict().items()}
    found = stager.module_.state_dict()
    assert {name: value.shape for name, value in found.items()} == shapes
    adam = stager.net_.optimizer_
    assert type(adam) is torch.optim.Adam
    (group,) = adam.param_groups
    assert (group["betas"], group["eps"]) == ((0.9, 0.999), 1e-7)
    assert group["weight_decay"] == 0.02
    (schedule,) = (
        c for _, c in stager.net_.callbacks_ if isinstance(c, CosineSchedule)
    )
    assert schedule.step_ == schedule.n_steps
    last = 0.003 * schedule.factor(schedule.n_steps - 1)
    assert group["lr"] == pytest.approx(last)


def test_each_epoch_is_read_from_the_right_view():
    logits = {
        view: torch.full((1, 4, 2), 0.0) + torch.tensor([value, 0.0])
        for view, value in {"eeg": 1.0, "eog": 2.0, "fused": 3.0}.items()
    }
    present = {
        "eeg": torch.tensor([[True, True, False, False]]),
        "eog": torch.tensor([[True, False, True, False]]),
    }
    read = HeadSelector()(MedFuseOutput(logits, {}), present)
    odds = (read[..., 0] - read[..., 1])[0]
    assert odds[:3].tolist() == pytest.approx([3, 1, 2])
    assert read.exp().sum(-1).flatten().tolist() == pytest.approx([1] * 4)


def test_the_loss_is_the_sum_of_its_three_parts():
    torch.manual_seed(0)
    logits = {view: torch.randn(2, 5, 3) for view in ("eeg", "eog", "fused")}
    embeddings = {name: torch.randn(2, 5, 4) for name in ("eeg", "eog")}
    stages = torch.tensor([[0, 1, 2, -1, 0], [2, 2, 1, 0, 1]])
    present = {
        "eeg": torch.ones(2, 5, dtype=torch.bool),
        "eog": torch.tensor([[True] * 4 + [False], [True] * 5]),
    }
    loss = MedFuseLoss(
        torch.tensor([1.0, 2.0, 3.0]),
        multi_view=0.5,
        alignment=0.3,
        temperature=0.2,
        negatives="batch",
    )
    targets = {"stages": stages, "present": present}
    views = multi_view_loss(
        logits,
        stages,
        present,
        weights={"eeg": 0.5, "eog": 0.5},
        class_weight=torch.tensor([1.0, 2.0, 3.0]),
    )
    aligned = alignment_loss(
        embeddings["eeg"],
        embeddings["eog"],
        temperature=0.2,
        negatives="batch",
        mask=present["eog"],
    )
    found = loss(MedFuseOutput(logits, embeddings), targets)
    torch.testing.assert_close(found, views + 0.3 * aligned)


def test_one_modality_is_staged_by_its_own_head(medfuse, make_nights):
    X, y = make_nights(3)
    stager = medfuse(max_epochs=1).fit(X, y)
    alone = stager.predict_proba(X.select(["eeg"]))
    with torch.no_grad():  # a fused or an EOG head that says anything changes nothing
        for view in ("fused", "eog"):
            for parameter in stager.module_.heads[view].parameters():
                parameter.add_(torch.randn_like(parameter))
    np.testing.assert_array_equal(stager.predict_proba(X.select(["eeg"])), alone)
    assert not np.allclose(stager.predict_proba(X), alone)


def test_neighbours_count_inside_a_night_only(medfuse, make_nights):
    X, y = make_nights(2)
    stager = medfuse(max_epochs=2).fit(X, y)
    before = stager.predict_proba(X)
    night = X.recordings[0]
    signals = {}
    for name, signal in night.signals.items():
        data = signal.data.copy()
        data[10] = 5
        signals[name] = signal.replace(data=data)
    changed = X.with_recordings([night.with_signals(signals), X.recordings[1]])
    moved = np.abs(stager.predict_proba(changed) - before).max(axis=1) > 1e-7
    assert moved[10]
    assert moved[8:13].sum() > 1
    assert not moved[:7].any()
    assert not moved[14:].any()


def test_nothing_passes_a_gap(medfuse, make_nights):
    X, y = make_nights(1)
    stager = medfuse(max_epochs=2).fit(X, y)
    blocks = {name: X.epochs(name) for name in X.modalities}
    gap = np.delete(np.arange(20), [9])
    parts = {name: block[gap] for name, block in blocks.items()}
    with_gap = EpochArray.from_arrays(parts, epoch=gap)
    whole = stager.predict_proba(with_gap)
    for name in blocks:
        parts[name] = parts[name].copy()
        parts[name][:9] += 3
    other = stager.predict_proba(EpochArray.from_arrays(parts, epoch=gap))
    np.testing.assert_array_equal(other[9:], whole[9:])
    assert not np.allclose(other[:9], whole[:9])


def test_rows_of_arrays_stand_alone(medfuse, blobs):
    X, y = blobs
    stager = medfuse().fit(X, y)
    np.testing.assert_allclose(
        stager.predict_proba(X[::-1])[::-1], stager.predict_proba(X), atol=1e-6
    )
    np.testing.assert_allclose(
        stager.predict_proba(X[7:8]), stager.predict_proba(X)[7:8], atol=1e-6
    )


def test_features_by_channel_and_spectra(medfuse, blobs):
    X, y = blobs
    flat = medfuse(max_epochs=1).fit(X, y)
    cubes = X.reshape(60, 2, 2)
    by_channel = medfuse(max_epochs=1).fit(cubes, y)
    assert by_channel.layout_ == {"eeg": (4,)}
    np.testing.assert_array_equal(
        by_channel.predict_proba(cubes), flat.predict_proba(X)
    )
    columns = {"eeg": [0], "eog": [1]}
    spectra = medfuse(modalities=columns, max_epochs=1).fit(X.reshape(60, 2, 1, 2), y)
    assert spectra.layout_ == {"eeg": (1, 1, 2), "eog": (1, 1, 2)}


def test_missing_columns_of_arrays(medfuse, blobs):
    X, y = blobs
    columns = {"eeg": [0, 1], "eog": [2, 3]}
    stager = medfuse(modalities=columns, batch_size=20, lr=0.03, max_epochs=10)
    stager.fit(X, y)
    without = X.copy()
    without[:, 2:] = np.nan
    assert stager.score(X, y) > 0.9
    assert stager.score(without, y) > 0.6
    without[:, :2] = 99  # what stands in the other modality's place is not looked at
    assert (stager.predict(without) == stager.predict(X)).mean() < 1


def test_signals_are_refused_in_words(medfuse, make_night):
    X = EpochArray([make_night(4)])
    with pytest.raises(ValueError, match=r"takes spectra .* STFTEpocher.*\(1, 3000\)"):
        medfuse().fit(X, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"stride": 5}, "'stride'.*at most sequence_length = 4"),
        ({"stride": 0}, "'stride'"),
        ({"sequence_length": 0}, "'sequence_length'"),
        ({"multi_view": -1}, "'multi_view'.*>= 0"),
        ({"alignment": -1}, "'alignment'.*>= 0"),
        ({"leave_out_noise": "yes"}, "'leave_out_noise'.*True, False"),
        ({"negatives": "night"}, "'negatives'.*'sequence', 'batch'"),
    ],
)
def test_bad_parameters(medfuse, blobs, params, words):
    with pytest.raises(ValueError, match=words):
        medfuse(**params).fit(*blobs)


def test_simulated_nights_are_predicted_through_a_pipeline(medfuse):
    names = ["eeg", "eog"]
    X, y, subjects = make_polysomnography(5, hours=1, modalities=names, random_state=0)
    stager = Pipeline(
        [
            ("resample", Resampler(50)),
            ("stft", STFTEpocher()),
            ("scale", SpectrumScaler("recording")),
            ("stage", medfuse(d_model=16, lr=5e-3, max_epochs=10, sequence_length=7)),
        ]
    )
    new = subjects == subjects[-1]
    stager.fit(X[~new], y[~new])
    assert cohen_kappa_score(y[new], stager.predict(X[new])) > 0.2
    assert cohen_kappa_score(y[new], stager.predict(X[new].select(["eeg"]))) > 0.1
