"""Published numbers of epochs, and the recipes that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from sleepkit._stages import STAGES
from sleepkit.datasets._select_epochs import Step
from sleepkit.recording import EpochArray
from sleepkit.utils import check_option

_MARGIN: Final[Mapping[str, object]] = {"rule": "margin", "margin": 1800.0}


class _Published(NamedTuple):
    """Numbers of recordings and of epochs, in all and by stage where known."""

    n_recordings: int
    n_epochs: int
    by_stage: tuple[int, ...]
    tolerance: float  # share of the epochs by which sources differ
    loader: str
    steps: tuple[Step, ...]  # for `select_epochs`
    source: str


PUBLISHED: Final[Mapping[str, _Published]] = {
    "isruc-s3": _Published(
        10, 8589, (1674, 1217, 2616, 2016, 1066), 0.0,
        'load_isruc(path, subgroup="III", drop_last_epochs=30)',
        ("drop_unscored",),
        "GraphSleepNet (Jia et al. 2020), MSTGCN (Jia et al. 2021)",
    ),
    "mass-ss3": _Published(
        62, 59317, (6442, 4839, 29802, 7653, 10581), 1e-3,
        "load_mass(path)",
        ("drop_unscored",),
        "SPDTransNet (Seraphim et al. 2023)",
    ),
    "shhs-1": _Published(
        5463, 5457206, (), 0.0,
        "load_shhs(path, visit=1)",
        (
            "drop_unscored",
            ("trim_wake", {"rule": "evening_first"}),
            "require_all_stages",
        ),
        "file lists of SleepTransformer (Phan et al. 2022)",
    ),
    "shhs-1-329": _Published(
        329, 324854, (46319, 10304, 142125, 60153, 65953), 0.0,
        "load_shhs(path, visit=1), the 329 recordings that AttnSleep lists",
        ("drop_unscored",),
        "AttnSleep (Eldele et al. 2021)",
    ),
    "sleep-edf-20": _Published(
        39, 42308, (8285, 2804, 17799, 5703, 7717), 0.0,
        "load_sleep_edf(path), subjects 0 to 19",
        (("trim_wake", {**_MARGIN, "unscored": "sleep"}), "drop_unscored"),
        "TinySleepNet (Supratak and Guo 2020)",
    ),
    "sleep-edf-20-deepsleepnet": _Published(
        39, 41950, (), 0.0,
        "load_sleep_edf(path), subjects 0 to 19",
        ("drop_unscored", ("trim_wake", _MARGIN)),
        "DeepSleepNet (Supratak et al. 2017)",
    ),
    "sleep-edf-78": _Published(
        153, 195479, (65951, 21522, 69132, 13039, 25835), 0.0,
        "load_sleep_edf(path)",
        (("trim_wake", {**_MARGIN, "unscored": "sleep"}), "drop_unscored"),
        "TinySleepNet (Supratak and Guo 2020)",
    ),
}  # fmt: skip


class CountCheck(NamedTuple):
    """Published counts beside those of recordings; its text is a table to print.

    Parameters
    ----------
    name : str
        Which counts.
    expected : dict of str to int
        Published numbers: of ``"recordings"``, ``"epochs"``, and of the stages where
        they are published.
    found : dict of str to int
        The same numbers of `X`.
    tolerance : float
        Share of the epochs by which sources differ.
    recipe : str
        Loader and steps that lead to the published counts.
    source : str
        Who published them.

    See Also
    --------
    check_counts : Returns it.

    Examples
    --------
    >>> from sleepkit.datasets import CountCheck
    >>> counts = {"recordings": 1, "epochs": 900}
    >>> CountCheck("x", counts, counts, 0.0, "load_x(path)", "X et al.").agrees
    True
    """

    name: str
    expected: dict[str, int]
    found: dict[str, int]
    tolerance: float
    recipe: str
    source: str

    @property
    def difference(self) -> dict[str, int]:
        """Found less expected numbers."""
        return {name: self.found[name] - n for name, n in self.expected.items()}

    @property
    def agrees(self) -> bool:
        """Whether recordings are equal, and epochs differ by the tolerance at most."""
        most = self.tolerance * self.expected["epochs"]
        allowed = dict.fromkeys(self.expected, most) | {"recordings": 0}
        return all(abs(n) <= allowed[name] for name, n in self.difference.items())

    def __str__(self) -> str:
        rows = [
            ["", *self.expected],
            ["expected", *map("{:,}".format, self.expected.values())],
            ["found", *map("{:,}".format, self.found.values())],
            ["difference", *map("{:,}".format, self.difference.values())],
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(n) for cell, n in zip(row, widths, strict=True))
            for row in rows
        ]
        verdict = "agrees with" if self.agrees else "differs from"
        about = f"{self.name} {verdict} the counts of {self.source}"
        return "\n".join([about, *lines, f"recipe: {self.recipe}"])


def check_counts(name: str, X: EpochArray) -> CountCheck:
    """Compare the epochs of a cohort with published counts.

    Counts depend on which epochs are left out, and in which order; the recipe says how
    the published ones come about.

    Parameters
    ----------
    name : str
        ``"isruc-s3"``, ``"mass-ss3"``, ``"shhs-1"``, ``"shhs-1-329"``,
        ``"sleep-edf-20"``, ``"sleep-edf-20-deepsleepnet"`` or ``"sleep-edf-78"``.
    X : EpochArray
        The epochs to count.

    Returns
    -------
    CountCheck
        Expected and found numbers, with recipe and source; print it.

    Raises
    ------
    ValueError
        If there are no counts of this name.

    See Also
    --------
    select_epochs : Takes the steps of a recipe.

    Notes
    -----
    The recipes of Sleep-EDF are inferred from the order of the steps in public scripts
    and have not been run on the recordings, no more than that of ``"shhs-1"``, whose
    authors count stages 3 and 4 separately when they trim.

    Examples
    --------
    >>> from sleepkit.datasets import check_counts, make_polysomnography
    >>> X, y, groups = make_polysomnography(10, hours=7, random_state=0)
    >>> check = check_counts("isruc-s3", X)
    >>> check.agrees, check.expected["epochs"], check.found["epochs"]
    (False, 8589, 8400)
    """
    check_option("name", name, PUBLISHED, owner="check_counts")
    published = PUBLISHED[name]
    expected = {"recordings": published.n_recordings, "epochs": published.n_epochs}
    found = {"recordings": len(X.recordings), "epochs": len(X)}
    for stage, count in zip(STAGES, published.by_stage, strict=False):
        expected[stage] = count
        found[stage] = int(np.sum(X.hypnogram == STAGES.index(stage)))
    steps = f"select_epochs(X, {list(published.steps)})"
    return CountCheck(
        name,
        expected,
        found,
        published.tolerance,
        f"{published.loader}, then {steps}",
        published.source,
    )
