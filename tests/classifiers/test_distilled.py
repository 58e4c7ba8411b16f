"""Distillation: a student follows its teachers, and then stands alone."""

from __future__ import annotations

import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sleepkit.classifiers import (
    DistilledClassifier,
    LogPoolClassifier,
    MedFuseSleepClassifier,
    TemporalConvClassifier,
)
from sleepkit.classifiers._distillation import Teacher, following, teacher_targets
from sleepkit.exceptions import RecordingError
from sleepkit.nn import MedFuseNet, StageLoss
from sleepkit.persistence import load_model, model_info, save_model
from sleepkit.preprocessing import SpectrumScaler
from sleepkit.training import ArraySource
from sleepkit.training._inference import read_logits


@pytest.fixture(scope="module")
def student():
    return TemporalConvClassifier(
        n_filters=8,
        sequence_length=10,
        dropout=0.0,
        noise=0.0,
        lr=0.03,
        batch_size=2,
        max_epochs=8,
        random_state=0,
        device="cpu",
        n_threads=1,
    )


@pytest.fixture(scope="module")
def nights(make_nights):
    return make_nights(3)


@pytest.fixture(scope="module")
def teacher(medfuse, nights):
    return medfuse(max_epochs=8).fit(*nights)


@pytest.mark.parametrize("silent", [[], [3], [0, 2, 3]])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_is_a_mixture_while_a_teacher_is_followed(weight, silent):
    rng = np.random.default_rng(0)
    said, temperature = log_softmax(rng.normal(size=(4, 3)), axis=1), 2.0
    said[silent] = np.nan
    source = ArraySource({"eeg": rng.normal(size=(4, 2))})
    teacher = Teacher(said, temperature, weight)
    stages = np.array([2, -1, 0, 1])
    targets = {"stages": stages, **teacher_targets(teacher, source)}
    targets = {name: torch.as_tensor(values) for name, values in targets.items()}
    targets["present"] = {"eeg": torch.ones(4, dtype=torch.bool)}
    output, loss = torch.randn(4, 3), StageLoss()
    own = loss(output, targets).item()
    taught = np.array([i for i in (0, 2, 3) if i not in silent], int)
    q = softmax(said[taught] / temperature, axis=1)
    log_p = log_softmax(output.numpy()[taught] / temperature, axis=1)
    divergences = temperature**2 * (q * (np.log(q) - log_p)).sum(axis=1)
    with following(teacher, loss, read_logits, source):
        found = loss(output, targets).item()
    share = weight * len(taught) / 3
    expected = weight * divergences.sum() / 3 + (1 - share) * own
    assert found == pytest.approx(expected, rel=1e-5)
    assert loss(output, targets).item() == own


def test_a_student_says_what_its_teacher_says(student, teacher, nights):
    """Not what the stages say: these are wrong, and count nothing."""
    X, y = nights
    wrong = (y + 1) % 5
    distilled = DistilledClassifier(teacher, student, weight=1.0).fit(X, wrong)
    found = distilled.predict(X)
    assert (found == teacher.predict(X)).mean() > 0.6
    assert (found == wrong).mean() < 0.3
    alone = DistilledClassifier(teacher, student, weight=0.0).fit(X, wrong)
    assert (alone.predict(X) == wrong).mean() > 0.9
    plain = clone(student).fit(X, wrong).predict_proba(X)
    np.testing.assert_allclose(alone.predict_proba(X), plain, atol=1e-5)


def test_without_stages_it_trains_on_the_teachers(student, teacher, nights):
    X, _ = nights
    distilled = DistilledClassifier(teacher, student).fit(X)
    assert (distilled.predict(X) == teacher.predict(X)).mean() > 0.6
    same = DistilledClassifier(teacher, student).fit(X, teacher.predict(X))
    np.testing.assert_array_equal(distilled.predict_proba(X), same.predict_proba(X))


def test_several_teachers_are_one_pool(student, nights, medfuse, teacher):
    X, y = nights
    second = medfuse(max_epochs=2, random_state=1).fit(X, y)
    pooled = LogPoolClassifier([("a", teacher), ("b", second)], prefit=True).fit(X, y)
    of_both = DistilledClassifier([teacher, second], student).fit(X, y)
    of_pool = DistilledClassifier(pooled, student).fit(X, y)
    np.testing.assert_allclose(
        of_both.predict_proba(X), of_pool.predict_proba(X), atol=1e-4
    )


def test_pipelines_with_features_of_their_own(student, nights):
    X, y = nights
    first = make_pipeline(SpectrumScaler(), clone(student)).fit(X, y)
    small = make_pipeline(SpectrumScaler(), student)
    distilled = DistilledClassifier(first, small).fit(X, y)
    assert distilled.score(X, y) > 0.6
    assert not hasattr(small[-1], "net_")


def test_fitted_teachers_stay_and_others_are_fitted_on_the_rows(student, blobs):
    X, y = blobs
    fitted = LogisticRegression().fit(X, y)
    distilled = DistilledClassifier([fitted, GaussianNB()], student)
    copied = clone(make_pipeline(StandardScaler(), distilled))[-1]
    assert copied.teacher[0] is fitted
    assert copied.teacher[1] is not distilled.teacher[1]  # a search sets its parameters
    alone = clone(DistilledClassifier(GaussianNB(), student))
    assert alone.set_params(teacher__var_smoothing=0.1).teacher.var_smoothing == 0.1
    assert distilled.fit(X[::2], y[::2]).score(X, y) > 0.9
    assert not hasattr(distilled.teacher[1], "classes_")


def test_the_student_alone_is_what_is_kept(student, teacher, nights, tmp_path):
    X, y = nights
    distilled = DistilledClassifier(teacher, student).fit(X, y)
    size, path = len(pickle.dumps(clone(student).fit(X, y))), tmp_path / "my.model"
    assert len(pickle.dumps(distilled.student_)) < 1.1 * size
    save_model(distilled, path)
    assert model_info(path)["left_out"] == ["teacher"]
    read = load_model(path)
    np.testing.assert_array_equal(read.predict_proba(X), distilled.predict_proba(X))
    assert read.teacher is None
    with pytest.raises(ValueError, match="'teacher' parameter of DistilledClassifier"):
        read.fit(X, y)
    further = distilled.student_.partial_fit(X, y)  # needs no teacher
    assert further.score(X, y) > 0.6


def test_any_net_of_sleepkit_can_be_the_student(medfuse, teacher, nights):
    """One with a loss of its own, which it reads afterwards, and several heads."""
    X, y = nights
    small = medfuse(d_model=4, max_epochs=8, validation_fraction=0.3)
    distilled = DistilledClassifier(teacher, small).fit(X, y)
    assert distilled.student_.temperature_ == pytest.approx(0.1)
    eeg = distilled.predict(X.select(["eeg"]))
    assert distilled.any_subset
    assert eeg.shape == y.shape


def test_the_default_student_has_a_twentieth_of_the_parameters():
    params = DistilledClassifier(LogisticRegression())._new_student().get_params()
    sizes = ("d_model", "n_heads", "n_layers", "dim_feedforward", "d_head", "dropout")
    shapes = dict.fromkeys(("eeg", "eog"), (1, 29, 128))
    nets = [
        MedFuseNet(shapes, **{name: source[name] for name in sizes})
        for source in (params, MedFuseSleepClassifier().get_params())
    ]
    small, large = (sum(p.numel() for p in net.parameters()) for net in nets)
    assert 1 / 22 < small / large < 1 / 19


def test_rows_that_occur_twice_count_once(student, teacher, nights):
    X, y = nights
    rows = np.r_[np.arange(len(y)), 3, 3]
    once = DistilledClassifier(teacher, student).fit(X, y)
    twice = DistilledClassifier(teacher, student).fit(X[rows], y[rows])
    np.testing.assert_array_equal(once.predict(X), twice.predict(X))


@pytest.fixture(scope="module")
def of_eeg(student, make_nights):
    """A teacher of EEG alone, and nights, the first of which lacks it."""
    X, y = make_nights(3)
    teacher = clone(student).fit(X.select(["eeg"]), y)
    return teacher, *make_nights(3, missing={0: "eeg"})


def test_rows_without_a_teacher_are_left_out(medfuse, of_eeg):
    teacher, X, _ = of_eeg
    rows = X.recording != X.recordings[0].id
    assert 0 < rows.sum() < len(X)
    small = medfuse(max_epochs=2)
    fits = [DistilledClassifier(teacher, small).fit(each) for each in (X, X[rows])]
    found, expected = (fit.predict_proba(X) for fit in fits)
    np.testing.assert_array_equal(found, expected)
    assert (
        fits[0].student_.class_prior_.tolist() == fits[1].student_.class_prior_.tolist()
    )


def test_a_teacher_without_any_signal(student, of_eeg):
    teacher, X, y = of_eeg
    for stages in (None, y):
        with pytest.raises(
            RecordingError, match="teachers of DistilledClassifier have"
        ):
            DistilledClassifier(teacher, student).fit(X.select(["eog"]), stages)


class Listener(TemporalConvClassifier):
    """A stager that notes the subjects of its fits."""

    heard: ClassVar[list] = []

    def fit(self, X, y, groups=None):
        self.heard.append(groups)
        return super().fit(X, y, groups)


@pytest.mark.parametrize("routing", [False, True])
def test_teachers_that_are_fitted_get_the_subjects(student, blobs, routing):
    X, y = blobs
    listener = Listener(**student.get_params() | {"max_epochs": 1})
    teachers = [listener, make_pipeline(StandardScaler(), listener), GaussianNB()]
    subjects = np.arange(len(y)) % 4
    distilled = DistilledClassifier(teachers, clone(student).set_params(max_epochs=1))
    Listener.heard.clear()
    with config_context(enable_metadata_routing=routing):
        distilled.fit(X, y, groups=subjects)
    np.testing.assert_array_equal(Listener.heard, [subjects, subjects])


def test_tables_keep_their_columns(student, blobs):
    pandas = pytest.importorskip("pandas")
    X, y = pandas.DataFrame(blobs[0], columns=list("abcd")), blobs[1]
    fitted = LogisticRegression().fit(X, y)  # warns of arrays without names
    distilled = DistilledClassifier(fitted, student).fit(X, y)
    assert distilled.student_.feature_names_in_.tolist() == list("abcd")
    assert distilled.predict(X).shape == y.shape
    with pytest.raises(ValueError, match="same order as they were in fit"):
        distilled.predict(X[list("bacd")])


def test_a_teacher_that_is_only_pretrained_is_fitted(student, medfuse, nights):
    teacher = medfuse(max_epochs=1).pretrain(nights[0])
    assert DistilledClassifier(teacher, student).fit(*nights).student_
    with pytest.raises(ValueError, match="teachers that are fitted, and MedFuse"):
        DistilledClassifier(teacher, student).fit(nights[0])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"teacher": "best.model"}, "'teacher' parameter of Distilled.* Got 'best.mo"),
        ({"teacher": []}, r"'teacher' parameter of Distilled.* Got \[\]"),
        ({"student": LogisticRegression()}, "'student' parameter of Distilled"),
        ({"temperature": 0}, "'temperature' parameter of DistilledClassifier"),
        ({"weight": 1.5}, "'weight' parameter of DistilledClassifier"),
    ],
)
def test_parameters_that_cannot_be_used(student, blobs, params, words):
    distilled = DistilledClassifier(LogisticRegression(), student).set_params(**params)
    with pytest.raises(ValueError, match=words):
        distilled.fit(*blobs)


def test_teachers_that_cannot_be_used(student, blobs):
    X, y = blobs
    few = LogisticRegression().fit(X[y != "REM"], y[y != "REM"])
    with pytest.raises(ValueError, match=r"know the classes .*; y also has \['REM'\]"):
        DistilledClassifier(few, student).fit(X, y)
    with pytest.raises(
        ValueError, match="teachers of DistilledClassifier need the same"
    ):
        DistilledClassifier([few, GaussianNB()], student).fit(X, y)
    with pytest.raises(ValueError, match="None; that takes teachers that are fitted"):
        DistilledClassifier(GaussianNB(), student).fit(X)
