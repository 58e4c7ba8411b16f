import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import cohen_kappa_score, log_loss
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import cross_entropy

from sleepkit.classifiers import SleepMGClassifier
from sleepkit.datasets import make_polysomnography
from sleepkit.nn import SleepMGLoss, SleepMGNet, SleepMGOutput
from sleepkit.preprocessing import Resampler, SignalScaler
from sleepkit.recording import EpochArray
from sleepkit.training import ModalityBalance, OnTheFlyModulation, ReversalSchedule


def test_defaults_are_those_of_the_paper():
    paper = {"lr": 1e-3, "weight_decay": 0.0, "batch_size": 256, "max_epochs": 50}
    paper |= {"adversarial": 0.1, "per_channel": True, "dropout": 0.5}
    paper |= {"domains": "group", "balance": ("classifier", "discriminator")}
    paper |= {"validation_fraction": 0.2, "class_weight": None}
    assert paper.items() <= SleepMGClassifier().get_params().items()


def test_parameters_reach_the_net_and_adam(sleepmg):
    X = np.random.default_rng(0).normal(size=(8, 2, 300))
    stager = sleepmg(
        per_channel=False, dropout=0.2, adversarial=0.7, lr=0.003, weight_decay=0.02
    )
    stager.fit(X, np.arange(8) % 2)
    expected = SleepMGNet({"eeg": (2, 300)}, 2, per_channel=False, dropout=0.2)
    assert str(stager.module_) == str(expected)
    assert stager.module_.adversarial == 0.7
    adam = stager.net_.optimizer_
    assert type(adam) is torch.optim.Adam
    (group,) = adam.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.003, 0.02)
    assert (group["betas"], group["eps"]) == ((0.5, 0.999), 1e-8)


@pytest.mark.parametrize(
    ("params", "n_domains"),
    [
        ({}, 4),  # of six subjects two are held out
        ({"n_domains": 3}, 3),
        ({"domains": "subject"}, 4),
        ({"domains": "subject", "validation_fraction": 0}, 6),
        ({"validation_fraction": 0}, 5),
    ],
)
def test_domains_are_groups_of_training_subjects(
    sleepmg, make_nights, params, n_domains
):
    X, y = make_nights(6)
    stager = sleepmg(max_epochs=1, **{"validation_fraction": 0.3} | params).fit(X, y)
    assert stager.n_domains_ == n_domains
    assert stager.module_.domain_head.out_features == n_domains


def test_no_domains_without_subjects(sleepmg, blobs):
    X, y = blobs
    stager = sleepmg(max_epochs=1).fit(X, y)
    assert stager.n_domains_ == 0
    assert stager.module_.domain_head is None
    known = sleepmg(max_epochs=1).fit(X, y, groups=np.arange(60) % 3)
    assert known.n_domains_ == 2


def test_each_subject_is_in_one_domain(sleepmg, make_nights):
    X, y = make_nights(6)
    seen = {}

    class Spy(ModalityBalance):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            features = net.last_batch_.targets["domains"].tolist()
            seen.setdefault("domains", []).extend(features)

    sleepmg(max_epochs=1, n_domains=2, validation_fraction=0, callbacks=[Spy()]).fit(
        X, y
    )
    assert sorted(set(seen["domains"])) == [0, 1]
    assert seen["domains"].count(0) == 60


def test_the_loss_by_hand():
    torch.manual_seed(0)
    stages, domains = torch.tensor([0, 2, 1]), torch.tensor([1, -1, 0])
    weight = torch.tensor([1.0, 2.0, 3.0])
    output = SleepMGOutput(torch.randn(3, 3), torch.randn(3, 2), torch.empty(3, 0), {})
    found = SleepMGLoss(weight)(output, {"stages": stages, "domains": domains})
    rows = [0, 2]
    expected = cross_entropy(output.stage_logits, stages, weight=weight)
    expected += cross_entropy(output.domain_logits[rows], domains[rows])
    torch.testing.assert_close(found, expected)
    unknown = {"stages": stages, "domains": torch.full((3,), -1)}
    alone = SleepMGLoss(None)(output, unknown)
    torch.testing.assert_close(alone, cross_entropy(output.stage_logits, stages))


def test_balance_is_a_callback_that_can_be_left_out(sleepmg, make_nights):
    X, y = make_nights(4)
    balanced = sleepmg(max_epochs=2).fit(X, y).net_.history[-1]
    assert "classifier_rho_eeg" in balanced
    assert "discriminator_imbalance" in balanced
    half = sleepmg(max_epochs=2, balance=("classifier",)).fit(X, y)
    (balance,) = (c for _, c in half.net_.callbacks_ if isinstance(c, ModalityBalance))
    assert balance.targets == ("classifier",)
    naive = sleepmg(max_epochs=2, balance=()).fit(X, y)
    assert not any("rho" in name for name in naive.net_.history[-1])
    callbacks = [callback for _, callback in naive.net_.callbacks_]
    assert not any(isinstance(c, ModalityBalance) for c in callbacks)


def test_modalities_keep_their_rates(sleepmg, make_night):
    nights = [make_night(10, ("eeg", "eog"), seed=i) for i in range(2)]
    X = EpochArray(nights)
    stager = sleepmg(max_epochs=1).fit(X, X.hypnogram)
    assert stager.layout_ == {"eeg": (1, 3000), "eog": (1, 1500)}
    assert stager.predict_proba(X.select(["eog"])).shape == (20, 5)


def test_epochs_are_staged_alone(sleepmg, make_nights):
    X, y = make_nights(2)
    stager = sleepmg(max_epochs=1).fit(X, y)
    shuffled = np.random.default_rng(0).permutation(20)
    blocks = {name: X[:20].epochs(name) for name in X.modalities}
    mixed = EpochArray.from_arrays({n: b[shuffled] for n, b in blocks.items()})
    np.testing.assert_allclose(
        stager.predict_proba(mixed), stager.predict_proba(X)[shuffled], atol=1e-6
    )


def test_rows_of_two_axes_are_one_channel(sleepmg):
    rng = np.random.default_rng(0)
    y = np.arange(30) % 2
    X = rng.normal(size=(30, 500)) * np.where(y, 5, 1)[:, np.newaxis]
    flat = sleepmg(max_epochs=2).fit(X, y)
    deep = sleepmg(max_epochs=2).fit(X[:, np.newaxis], y)
    assert flat.layout_ == deep.layout_ == {"eeg": (1, 500)}
    np.testing.assert_array_equal(
        flat.predict_proba(X), deep.predict_proba(X[:, np.newaxis])
    )


def test_channels_of_arrays_are_modalities(sleepmg):
    X = np.random.default_rng(0).normal(size=(20, 3, 400))
    y = np.arange(20) % 2
    columns = {"eeg": [0, 2], "emg": [1]}
    stager = sleepmg(modalities=columns, max_epochs=1).fit(X, y)
    assert stager.layout_ == {"eeg": (2, 400), "emg": (1, 400)}
    X[:5, 1] = np.nan
    assert np.isfinite(stager.predict_proba(X)).all()


def test_spectra_are_refused_in_words(sleepmg):
    with pytest.raises(ValueError, match=r"signals \(n_channels, n_times\) or feat"):
        sleepmg().fit(np.ones((4, 1, 3, 5)), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"domains": "night"}, "'domains'.*'group', 'subject'"),
        ({"n_domains": 1}, "'n_domains'.*>= 2"),
        ({"adversarial": -1}, "'adversarial'.*>= 0"),
        ({"balance": ["head"]}, "'balance'.*'classifier'"),
        ({"fusion": "sum"}, "'fusion'.*'concat', 'attention'"),
        ({"fusion": "attention"}, r"needs fusion='concat'.*balance=\(\)"),
        ({"epoch_duration": 0}, "'epoch_duration'.*> 0"),
        ({"modality_dropout": 1.0}, "'modality_dropout'.*< 1"),
    ],
)
def test_bad_parameters(sleepmg, blobs, params, words):
    with pytest.raises(ValueError, match=words):
        sleepmg(**params).fit(*blobs)


def test_simulated_nights_are_predicted_through_a_pipeline(sleepmg):
    names = ["eeg", "eog", "emg"]
    X, y, subjects = make_polysomnography(4, hours=1, modalities=names, random_state=0)
    stage = sleepmg(lr=3e-3, max_epochs=8, batch_size=32)
    stager = Pipeline(
        [("resample", Resampler(50)), ("scale", SignalScaler()), ("stage", stage)]
    )
    new = subjects == subjects[-1]
    stager.fit(X[~new], y[~new])
    assert cohen_kappa_score(y[new], stager.predict(X[new])) > 0.3


class Level(nn.Module):
    """An encoder of one's own: the mean and the spread of an epoch."""

    def __init__(self, *shape):
        super().__init__()

    def forward(self, x):
        x = x.flatten(1)
        return torch.stack([x.mean(1), x.std(1, correction=0)], dim=1)


def test_an_encoder_of_ones_own(sleepmg, make_nights):
    X, y = make_nights(4)
    stager = sleepmg(encoder=Level, lr=0.1, max_epochs=2).fit(X, y)
    assert stager.transform(X).shape == (80, 4)
    assert clone(stager).encoder is Level
    one = sleepmg(encoder={"eog": Level}, max_epochs=1).fit(X, y)
    assert one.transform(X).shape == (80, 128 + 2)


def test_spectra_through_an_encoder_of_ones_own(sleepmg):
    X = np.random.default_rng(0).normal(size=(10, 2, 3, 5))
    stager = sleepmg(encoder=Level, max_epochs=1).fit(X, np.arange(10) % 2)
    assert stager.transform(X).shape == (10, 2)
    with pytest.raises(ValueError, match="'emg' epochs of shape"):
        sleepmg(encoder={"eeg": Level}, modalities={"eeg": [0], "emg": [1]}).fit(
            X, np.arange(10) % 2
        )


ABLATIONS = {  # parameters of each row of the paper's tables 2 to 4
    "FeatureNet": {"modality_specific": False, "adversarial": 0, "balance": ()},
    "G": {"modality_specific": False, "balance": ()},
    "M": {"adversarial": 0, "balance": ()},
    "NaiveMG": {"balance": ()},
    "self-attention": {"fusion": "attention", "adversarial": 0, "balance": ()},
    "balance": {"adversarial": 0, "balance": ["classifier"]},
    "extractor": {"balance": ["extractor"]},
    "classifier": {"balance": ["classifier"]},
    "discriminator": {"balance": ["discriminator"]},
    "SleepMG": {},
    "OGM-GE": {
        "adversarial": 0,
        "balance": (),
        "callbacks": [OnTheFlyModulation()],
    },
}


@pytest.mark.parametrize("row", ABLATIONS)
def test_rows_of_the_tables(sleepmg, row):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 3, 100)) * np.where(y, 5, 1)[:, None, None]
    subjects = np.arange(40) // 8
    modalities = {"eeg": [0, 1], "emg": [2]}
    stager = sleepmg(modalities=modalities, max_epochs=8, **ABLATIONS[row])
    stager.set_params(epoch_duration=10.0)  # short kernels
    stager.fit(X, y, groups=subjects)
    assert stager.score(X, y) > 0.8
    for name in ("modality_specific", "fusion", "adversarial"):
        assert getattr(stager.module_, name) == getattr(stager, name)
    assert "valid_accuracy" in stager.net_.history[-1]


def test_without_reversal_domains_teach_the_extractors_nothing(sleepmg, make_nights):
    X, y = make_nights(4)
    features = []

    class OtherDomains(Callback):
        """Shift all domains by one, or leave them."""

        def __init__(self, by):
            self.by = by

        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            batch[1]["domains"] = (batch[1]["domains"] + self.by) % 3

    for adversarial in (0, 1.0):
        for by in (0, 1):
            stager = sleepmg(
                adversarial=adversarial,
                balance=(),
                validation_fraction=0.25,
                callbacks=[OtherDomains(by)],
            )
            features.append(stager.fit(X, y).transform(X))
    np.testing.assert_array_equal(features[0], features[1])
    assert not np.allclose(features[2], features[3])


def test_subjects_are_dealt_evenly(sleepmg):
    y = np.arange(44) % 2
    X = np.random.default_rng(0).normal(size=(44, 1, 50))
    seen = {}

    class Spy(Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            if training:
                (inputs, targets) = batch
                whose = inputs["inputs"]["eeg"][:, 0, 0]
                seen.update(
                    zip(whose.tolist(), targets["domains"].tolist(), strict=True)
                )

    subjects = np.arange(44) // 4  # eleven
    X[:, 0, 0] = subjects
    sleepmg(n_domains=4, validation_fraction=0, max_epochs=1, callbacks=[Spy()]).fit(
        X, y, groups=subjects
    )
    assert sorted(np.bincount(list(seen.values()))) == [2, 3, 3, 3]


@pytest.mark.parametrize("domains", ["group", "subject"])
@pytest.mark.parametrize(("n_subjects", "expected"), [(1, 0), (2, 2), (3, 3)])
def test_few_subjects(sleepmg, domains, n_subjects, expected):
    y = np.arange(24) % 2
    X = np.random.default_rng(0).normal(size=(24, 1, 50))
    subjects = np.arange(24) % n_subjects
    stager = sleepmg(domains=domains, validation_fraction=0, max_epochs=1)
    stager.fit(X, y, groups=subjects)
    assert stager.n_domains_ == expected
    assert (stager.module_.domain_head is None) == (expected == 0)
    stager.partial_fit(X, y, groups=np.arange(24))  # more than there were
    assert stager.n_domains_ == expected
    assert stager.predict(X).shape == (24,)


def test_kernels_scale_with_the_rate(sleepmg):
    X = np.random.default_rng(0).normal(size=(8, 1, 6000)).astype("f4")
    stager = sleepmg(epoch_duration=30, max_epochs=1).fit(X, np.arange(8) % 2)
    expected = SleepMGNet({"eeg": (1, 6000)}, 2, epoch_duration=30, dropout=0.1)
    assert str(stager.module_) == str(expected)


def test_a_schedule_of_the_reversal(sleepmg, make_nights):
    X, y = make_nights(4)
    stager = sleepmg(callbacks=[ReversalSchedule()], max_epochs=3).fit(X, y)
    strengths = stager.net_.history[:, "adversarial"]
    assert strengths[0] == 0
    assert 0 < strengths[1] < strengths[2] < 0.1
    assert stager.module_.adversarial == 0.1


def test_hidden_modalities_in_training(sleepmg, make_nights):
    """The heads are surer of the true stage by one modality if they had to in fits."""
    X, y = make_nights(6)
    plain, hidden = (
        sleepmg(modality_dropout=p, max_epochs=6).fit(X, y) for p in (0.0, 0.5)
    )
    for name in X.modalities:
        part = X.select([name])
        before, after = (log_loss(y, s.predict_proba(part)) for s in (plain, hidden))
        assert after < before
    assert hidden.score(X, y) > 0.9
