from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sleepkit.plotting import ModalityContributionDisplay

VALUES = {"eeg": np.array([0.8, -0.2, 0.0]), "eog": np.array([0.1, 0.6, np.nan])}


class Stager:
    """The EEG alone decides."""

    classes_ = np.arange(5)

    def predict_proba(self, X):
        sure = 0.9 if "eeg" in X.modalities else 0.2
        return np.tile([sure, *[(1 - sure) / 4] * 4], (len(X), 1))


def rows_of(display):
    return [image.get_array()[0] for image in display.axes_[0].get_images()]


def test_a_row_for_each_modality():
    display = ModalityContributionDisplay(VALUES).plot()
    ax = display.axes_[0]
    for row, values in zip(rows_of(display), VALUES.values(), strict=True):
        np.testing.assert_array_equal(np.ma.filled(row, np.nan), values)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert dict(zip(names, ax.get_yticks(), strict=True)) == {"eeg": 0, "eog": 1}
    assert ax.get_ylim() == (1.5, -0.5)
    assert ax.get_xlim() == (0, 90)
    assert ax.get_xlabel() == "time (h:mm)"


@pytest.mark.parametrize(("factor", "limit"), [(1, 0.8), (0, 0.1)])
def test_colours_are_even_about_zero(factor, limit):
    values = {name: row * factor for name, row in VALUES.items()}
    images = ModalityContributionDisplay(values).plot().axes_[0].get_images()
    for image in images:
        low, high = image.get_clim()
        assert low == -high
        assert high == pytest.approx(limit, rel=0.02)


def test_an_estimator(make_night):
    figure, ax = plt.subplots()
    night = make_night(4, hypnogram=[0, -1, 2, 3])
    display = ModalityContributionDisplay.from_estimator(Stager(), night, ax=ax)
    assert display.figure_ is figure
    np.testing.assert_allclose(display.contributions["eeg"], [0.7] * 4)
    np.testing.assert_allclose(display.contributions["eog"], [0] * 4)


def test_errors(make_night):
    with pytest.raises(ValueError, match="two modalities or more"):
        ModalityContributionDisplay.from_estimator(Stager(), make_night(2, ["eeg"]))
    with pytest.raises(ValueError, match="'ax' parameter must be 1 axes"):
        ModalityContributionDisplay(VALUES).plot(ax=[None, None])
