"""Confusion matrix as a small picture for notebooks."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import confusion_matrix

from sleepkit._stages import N_STAGES, STAGES
from sleepkit._typing import Array
from sleepkit.utils import Html


def confusion_svg(true: Array, predicted: Array) -> Html:
    """Draw a square for each pair of stages, as dark as its share of the true stage."""
    codes = range(N_STAGES)
    shares = confusion_matrix(true, predicted, labels=codes, normalize="true")
    squares = "".join(
        f"<rect x='{column}' y='{row}' width='1' height='1' "
        f"fill-opacity='{shares[row, column]:.2f}'>"
        f"<title>{STAGES[row]} predicted as {STAGES[column]}: "
        f"{shares[row, column]:.0%}</title></rect>"
        for row, column in np.argwhere(shares)
    )
    size = f"0 0 {N_STAGES} {N_STAGES}"
    names = ", ".join(STAGES)
    return Html(
        f"<svg role='img' viewBox='{size}' fill='currentColor' "
        "style='width:3em;height:3em;outline:1px solid'>"
        f"<title>Confusion matrix of {names}: rows are true</title>{squares}</svg>"
    )
