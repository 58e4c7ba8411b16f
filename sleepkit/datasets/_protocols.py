"""Splits of published cohorts, from the lists or the seeds that others published."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from sleepkit._stages import N_STAGES
from sleepkit._typing import IntArray
from sleepkit.exceptions import RecordingError, SleepkitWarning
from sleepkit.recording import EpochArray

_LINE: Final = re.compile(r".*n(\d+)_\w+\.mat\s+(\d+)")
_LISTS: Final = {"train": "train_list", "validation": "eval_list", "test": "test_list"}
_KEYS: Final = {"train": "train", "validation": "val", "test": "test"}
_CASSETTE: Final = sorted({*range(83)} - {39, 68, 69, 78, 79})  # its 78 subjects
_SEED: Final = 33  # of NeuralBench


class PublishedSplit(NamedTuple):
    """Rows of a published split.

    Parameters
    ----------
    train : ndarray of int
        Training rows.
    validation : ndarray of int
        Rows of validation subjects.
    test : ndarray of int
        Test rows.

    See Also
    --------
    sleeptransformer_split : Split of SHHS-1.
    sleepyco_split : Splits of five cohorts.
    neuralbench_split : Split of the cassettes of Sleep-EDF.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.datasets import PublishedSplit
    >>> PublishedSplit(np.array([0, 1]), np.array([2]), np.array([3])).test.tolist()
    [3]
    """

    train: IntArray
    validation: IntArray
    test: IntArray


def sleeptransformer_split(X: EpochArray, lists: str | PathLike[str]) -> PublishedSplit:
    r"""Split SHHS-1 as SleepTransformer, L-SeqSleepNet and MedFuseSleep do.

    Parameters
    ----------
    X : EpochArray
        SHHS-1 as ``select_epochs`` leaves it with the steps of ``"shhs-1"`` in
        `check_counts`.
    lists : path-like
        Folder of the published lists [1]_, ``train_list.txt``, ``eval_list.txt`` and
        ``test_list.txt`` of ``shhs/file_list/eeg``.

    Returns
    -------
    PublishedSplit
        Rows of 3,724 training, 100 validation and 1,639 test subjects.

    Raises
    ------
    RecordingError
        If the lists cannot be read, or name other than the recordings of `X` that hold
        all five stages.

    Warns
    -----
    SleepkitWarning
        If a list has another number of epochs than the recording that it names: the
        lists count recordings in order, without the numbers of subjects, so the counts
        show whether the order is the same.

    See Also
    --------
    sleepkit.evaluation.medfusesleep_protocol : Random splits of the same sizes.

    References
    ----------
    .. [1] Phan, H. et al. (2022). SleepTransformer: Automatic sleep staging with
       interpretability and uncertainty quantification. IEEE Transactions on Biomedical
       Engineering, 69(8), 2456-2467. https://github.com/pquochuy/SleepTransformer.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sleepkit.datasets import make_polysomnography, sleeptransformer_split
    >>> X, y, groups = make_polysomnography(3, hours=8, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number, name in enumerate(("train", "eval", "test"), 1):
    ...         line = f"../../mat/n000{number}_eeg.mat\t960\n"
    ...         _ = Path(folder, f"{name}_list.txt").write_text(line)
    ...     split = sleeptransformer_split(X, folder)
    >>> set(X.recording[split.test])
    {np.str_('sim:0003-1')}
    """
    numbers = {part: _read_list(Path(lists, f"{s}.txt")) for part, s in _LISTS.items()}
    rows = _rows_by_recording(X)
    complete = [
        name for name, r in rows.items() if len(set(X.hypnogram[r])) == N_STAGES
    ]
    n_listed = sum(map(len, numbers.values()))
    listed = {number: n for part in numbers.values() for number, n in part.items()}
    if sorted(listed) != list(range(1, n_listed + 1)) or n_listed != len(complete):
        msg = (
            f"The lists in {lists} number {n_listed} recordings, and X has "
            f"{len(complete)} with all five stages; both must be the same."
        )
        raise RecordingError(msg)
    different = [
        name for i, name in enumerate(complete, 1) if len(rows[name]) != listed[i]
    ]
    if different:
        msg = (
            f"{len(different)} of {n_listed} recordings differ from the lists in their "
            f"numbers of epochs, first {different[0]}: the order of the recordings, or "
            "the steps before, may be others."
        )
        warnings.warn(msg, SleepkitWarning, stacklevel=2)
    return _split(
        {
            part: [rows[complete[number - 1]] for number in sorted(known)]
            for part, known in numbers.items()
        }
    )


def sleepyco_split(
    X: EpochArray, folds: Sequence[Mapping[str, Any]], *, fold: int = 1
) -> PublishedSplit:
    """Split MASS, SHHS or Physio2018 as SleePyCo does, or Sleep-EDF-78.

    Parameters
    ----------
    X : EpochArray
        The cohort, with the recordings that the authors have and no others.
    folds : sequence of mapping
        Content of their file ``split_idx/idx_SHHS.npy`` [1]_ (or of another cohort),
        ``numpy.load(path, allow_pickle=True)``: load only a file that you trust. Each
        fold maps ``"train"``, ``"val"`` and ``"test"`` to places in the sorted
        recordings or, for Sleep-EDF-78, to numbers of subjects.
    fold : int, default=1
        Which fold, from 1.

    Returns
    -------
    PublishedSplit
        Its rows.

    Raises
    ------
    RecordingError
        If there is no such fold, if its parts name other places or subjects than `X`
        has (a recording that `X` lacks would shift all later ones), or if a recording
        is in several parts.

    References
    ----------
    .. [1] Lee, S. et al. (2024). SleePyCo: Automatic sleep scoring with feature pyramid
       and contrastive learning. Expert Systems with Applications, 240, 122551.
       https://github.com/gist-ailab/SleePyCo.

    Examples
    --------
    >>> from sleepkit.datasets import make_polysomnography, sleepyco_split
    >>> X, y, groups = make_polysomnography(3, hours=0.1, random_state=0)
    >>> split = sleepyco_split(X, [{"train": [2], "val": [1], "test": [0]}])
    >>> set(X.recording[split.test])
    {np.str_('sim:0001-1')}
    """
    if not 1 <= fold <= len(folds):
        msg = f"sleepyco_split needs a fold from 1 to {len(folds)}; got {fold}."
        raise RecordingError(msg)
    rows = _rows_by_recording(X)
    subjects = [_cassette_subject(name) for name in rows]
    numbers = [i if subject is None else subject for i, subject in enumerate(subjects)]
    _require_numbers(numbers, folds[fold - 1], fold)
    parts: dict[str, list[IntArray]] = {part: [] for part in _KEYS}
    for number, (name, of_night) in zip(numbers, rows.items(), strict=True):
        homes = [part for part, k in _KEYS.items() if number in folds[fold - 1][k]]
        if len(homes) != 1:
            msg = (
                f"Recording {name!r} (number {number}) is in {len(homes)} parts of "
                f"fold {fold}, and must be in one."
            )
            raise RecordingError(msg)
        parts[homes[0]].append(of_night)
    return _split(parts)


def neuralbench_split(X: EpochArray) -> PublishedSplit:
    """Split the cassettes of Sleep-EDF as NeuralBench does, a benchmark of EEG models.

    Parameters
    ----------
    X : EpochArray
        Nights of `load_sleep_edf`, all cassettes or some. The benchmark keeps 30 min of
        wake before and after sleep (`sleepkit.preprocessing.trim_wake`).

    Returns
    -------
    PublishedSplit
        Rows of 46 training, 16 validation and 16 test subjects, where X has all 78.

    Raises
    ------
    RecordingError
        If a recording is no cassette of Sleep-EDF.

    See Also
    --------
    load_sleep_edf : Loads the nights.

    Notes
    -----
    The 78 subjects in the order of their numbers are split by scikit-learn's
    `train_test_split` with the seed 33: a fifth for the test, and a quarter of the
    others for the validation [1]_, so that a part of the cohort is split as the whole.

    References
    ----------
    .. [1] NeuralBench, task "sleep stage classification",
       https://facebookresearch.github.io/neuroai/neuralbench/tasks/eeg/sleep_stage.html.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepkit.datasets import neuralbench_split
    >>> from sleepkit.recording import EpochArray, concatenate
    >>> names = [f"sleep-edf:SC4{number:02}1" for number in (3, 5, 8)]
    >>> nights = [EpochArray.from_arrays(np.ones((2, 3)), recording=n) for n in names]
    >>> neuralbench_split(concatenate(nights)).train.tolist()
    [4, 5]
    """
    others, test = train_test_split(_CASSETTE, test_size=0.2, random_state=_SEED)
    train, validation = train_test_split(others, test_size=0.25, random_state=_SEED)
    subjects = {"train": train, "validation": validation, "test": test}
    homes = {number: part for part, some in subjects.items() for number in some}
    parts: dict[str, list[IntArray]] = {part: [] for part in subjects}
    for name, of_night in _rows_by_recording(X).items():
        number = _cassette_subject(name)
        if number not in homes:
            msg = (
                "neuralbench_split needs cassettes of Sleep-EDF, ids as "
                f"'sleep-edf:SC4001'; got {name!r}."
            )
            raise RecordingError(msg)
        parts[homes[number]].append(of_night)
    return _split(parts)


def _require_numbers(
    numbers: Sequence[int], parts: Mapping[str, Any], fold: int
) -> None:
    """Require the recordings or subjects that the parts of a fold name, and no others.

    Places count recordings in order, so that one too few or too many shifts the others.
    """
    held = set(numbers)
    named = set().union(*(parts[key] for key in _KEYS.values()))
    if held != named:
        msg = (
            f"X has {len(held)} recordings (of Sleep-EDF: subjects), and the parts of "
            f"fold {fold} name {len(named)}; they must be the same. The first number "
            f"that only one of them has is {min(held ^ named)}."
        )
        raise RecordingError(msg)


def _read_list(path: Path) -> dict[int, int]:
    """Numbers of epochs by the number of the recording."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}"
        raise RecordingError(msg) from error
    found = {}
    for line in filter(str.strip, lines):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            msg = f"{path} must hold lines as 'n0001_eeg.mat 959'; got {line!r}."
            raise RecordingError(msg)
        found[int(match[1])] = int(match[2])
    return found


def _rows_by_recording(X: EpochArray) -> dict[str, IntArray]:
    """Rows of each recording, sorted by id."""
    rows = {recording.id: of_night for recording, of_night, _ in X.by_recording()}
    return dict(sorted(rows.items()))


def _cassette_subject(name: str) -> int | None:
    """Find the number of the subject of a Sleep-EDF cassette."""
    match = re.search(r"SC4(\d{2})\d", name)
    return int(match[1]) if match else None


def _split(parts: Mapping[str, Sequence[IntArray]]) -> PublishedSplit:
    """Join the rows of each part."""
    empty = np.empty(0, np.intp)
    return PublishedSplit(
        **{part: np.concatenate([empty, *rows]) for part, rows in parts.items()}
    )
