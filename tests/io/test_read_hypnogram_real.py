"""Published hypnograms."""

from collections import Counter
from itertools import combinations

import mne
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from sleepkit.io import read_hypnogram, write_hypnogram

pytestmark = pytest.mark.real

STAGE_OF = {
    "Sleep stage W": 0,
    "Sleep stage 1": 1,
    "Sleep stage 2": 2,
    "Sleep stage 3": 3,
    "Sleep stage 4": 3,
    "Sleep stage R": 4,
    "Sleep stage ?": -1,
    "Movement time": -1,
}


def counts(stages):
    return [int(np.sum(np.asarray(stages) == code)) for code in range(5)]


def expanded_with_mne(path):
    """One label an epoch, run by run."""
    stages = []
    for annotation in mne.read_annotations(path):
        assert annotation["onset"] == 30 * len(stages)
        n_epochs = annotation["duration"] / 30
        assert n_epochs == int(n_epochs)
        stages += int(n_epochs) * [STAGE_OF[annotation["description"]]]
    return stages


def test_sleep_edf(real_data):
    paths = sorted((real_data / "sleep_edf").glob("SC*-Hypnogram.edf"))
    assert len(paths) >= 19
    for path in paths:
        hypnogram = read_hypnogram(path)
        np.testing.assert_array_equal(hypnogram, expanded_with_mne(path), str(path))
        assert hypnogram.onset == 0
        assert hypnogram.start.year == 1989
        assert len(hypnogram) == 2880  # the last run, unscored, fills up a day


def test_sleep_edf_written_again(real_data, tmp_path):
    read = read_hypnogram(real_data / "sleep_edf" / "SC4001EC-Hypnogram.edf")
    for name in ("a.edf", "a.csv", "a.tsv"):
        write_hypnogram(tmp_path / name, read)
        again = read_hypnogram(tmp_path / name)
        np.testing.assert_array_equal(again, read)
        assert again.start == read.start


@pytest.mark.parametrize("excerpt", [1, 2, 3, 4])
def test_dreams(real_data, excerpt):
    path = real_data / "dreams" / f"Hypnogram_excerpt{excerpt}.txt"
    hypnogram = read_hypnogram(path, scheme="dreams")
    lines = path.read_text().split()[1:]
    stage_of = {"5": 0, "4": 4, "3": 1, "2": 2, "1": 3, "0": 3}
    sixes = [lines[i : i + 6] for i in range(0, 360, 6)]
    votes = [Counter(stage_of[x] for x in six).most_common() for six in sixes]
    for stage, vote in zip(hypnogram.stages, votes, strict=True):
        assert stage in [code for code, n in vote if n == vote[0][1]]
    if excerpt == 3:
        assert counts(hypnogram) == [6, 12, 39, 3, 0]


def test_pydynamo(real_data):
    path = real_data / "pydynamo" / "segment_stages.csv"
    hypnogram = read_hypnogram(path, scheme="pydynamo")
    assert len(hypnogram) == 167
    assert counts(hypnogram) == [2, 7, 95, 37, 26]


def test_five_experts_agree_as_published(real_data):
    nights = sorted(p.name for p in (real_data / "dod_scorers" / "scorer_1").iterdir())
    assert len(nights) == 25
    kappas = []
    for night in nights:
        paths = [real_data / "dod_scorers" / f"scorer_{i}" / night for i in range(1, 6)]
        scorings = [read_hypnogram(path, scheme="aasm").stages for path in paths]
        assert len({len(stages) for stages in scorings}) == 1
        for one, other in combinations(scorings, 2):
            both = (one >= 0) & (other >= 0)
            kappas.append(cohen_kappa_score(one[both], other[both]))
    assert np.mean(kappas) == pytest.approx(0.70, abs=0.02)
