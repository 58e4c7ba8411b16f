"""``sleepkit train``: a model from scored nights, of a folder or a store."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from errno import EISDIR
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from sleepkit import evaluation, utils
from sleepkit._stages import STAGES
from sleepkit.cli._arguments import (
    MODALITIES,
    add_folder,
    add_json,
    add_overwrite,
    add_trim,
    folds,
)
from sleepkit.cli._models import save
from sleepkit.cli._output import (
    count_nights,
    make_folder,
    print_files,
    print_scores,
    printed_result,
    refuse_existing,
    score_rows,
)
from sleepkit.cli._partial import check_partial, kept_training
from sleepkit.cli._store import Nights, read_nights
from sleepkit.datasets._pairs import NAMING_RULES
from sleepkit.exceptions import HypnogramError
from sleepkit.pipelines._methods import METHODS
from sleepkit.pipelines._night_steps import with_steps, without_steps
from sleepkit.pipelines._stagers import make_stager, takes_any_subset

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from sleepkit.evaluation import StagingResult
    from sleepkit.recording import EpochArray

_MAX_JOBS: Final = 4  # each takes memory for a net and its batches
EXAMPLE: Final = f"""sleepkit train nights/ --out my.model --scheme rk
  sleepkit train store/ --out my.model        # of sleepkit prepare
{NAMING_RULES}"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folder, the model file, and how to train."""
    add_folder(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="MODEL", help="the file to write"
    )
    add_method(parser)
    parser.add_argument(
        "--folds",
        type=folds,
        default=3,
        metavar="N",
        help="folds of the cross-validation by subject: 0, or at least 2 (3, or one "
        "for each subject if there are fewer)",
    )
    add_trim(parser)
    _add_kept(parser)
    add_json(parser)
    add_overwrite(parser)


def add_method(parser: ArgumentParser) -> None:
    """Add the method and its size."""
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="medfusesleep",
        metavar="NAME",
        help=f"one of {', '.join(METHODS)} (medfusesleep)",
    )
    parser.add_argument(
        "--published",
        action="store_const",
        const="published",
        default="small",
        dest="size",
        help="sizes and training of the method's paper, for a GPU; else a small net",
    )


def _add_kept(parser: ArgumentParser) -> None:
    """Add what is kept of a training, and whether one goes on."""
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keeps what is computed of each night, fold and training pass, for the "
        "next time; else MODEL.partial does, until the model is written",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from MODEL.partial, if a training was interrupted",
    )


def run(arguments: Namespace) -> None:
    """Read the nights, cross-validate by subject, train on all and save."""
    with printed_result(arguments) as found:
        found |= _run(arguments)


def _run(arguments: Namespace) -> dict[str, Any]:
    """Write a model, and return what another program may want to know."""
    out, resume = arguments.out, arguments.resume
    _check_place(out, overwrite=arguments.overwrite)
    check_partial(out, resume=resume, overwrite=arguments.overwrite)
    nights = read_nights(arguments, MODALITIES)
    _check_stages(nights.X)
    make_folder(out.parent)
    kept: AbstractContextManager[Path] = nullcontext(arguments.cache)
    if arguments.cache is None:
        kept = kept_training(out, _settings(arguments, nights), resume=resume)
    with kept as cache:
        result = _train(arguments, nights, cache)
    print_files([out])
    found = {"model": out, "method": arguments.method, **count_nights(nights.X)}
    return found | {"scores": score_rows(result)}


def _train(arguments: Namespace, nights: Nights, cache: Path) -> StagingResult | None:
    """Cross-validate, train on all nights and save."""
    method, X = arguments.method, nights.X
    stager = make_stager(method, size=arguments.size, cache=cache, random_state=0)
    stager = without_steps(stager, nights.taken)
    if nights.taken is None:
        compute_features([stager], X)
    _keep_passes(stager, cache)
    result = None
    if len(set(X.subject)) == 1:
        print("There is one subject only, so no score: scores need held-out ones.")
    elif arguments.folds:
        window = nights.window
        result = cross_validate(
            {method: stager}, X, arguments.folds, cache, window=window
        )
        print_scores(result)
    (fitted,) = fit_all([stager], X)
    if _has_net(fitted):
        fitted.set_params(stage__callbacks=None)
    fitted = with_steps(nights.taken, fitted)
    save(arguments.out, fitted, method, X, result, nights.files)
    return result


def _keep_passes(stager: Pipeline, folder: Path) -> None:
    """Keep the state of a net after each training pass."""
    if _has_net(stager):
        from sleepkit.training import Checkpoint

        stager.set_params(stage__callbacks=[Checkpoint(str(folder))])


def _has_net(stager: Pipeline) -> bool:
    """Whether the classifier takes callbacks of a training."""
    return "stage__callbacks" in stager.get_params()


def _settings(arguments: Namespace, nights: Nights) -> dict[str, str]:
    """Describe what an interrupted training and its continuation have in common."""
    of_training = ("method", "size", "folds", "trim_wake")
    names = (*of_training, "scheme", "subject_pattern", "channels")
    given = {name: str(getattr(arguments, name)) for name in names}
    known_by = nights.files or [night.id for night in nights.X.recordings]
    return {**given, "nights": ",".join(sorted(known_by))}


def compute_features(stagers: Iterable[Pipeline], X: EpochArray) -> None:
    """Compute what the stagers cache of every night, with a progress bar."""
    stagers = list(stagers)
    n_nights = len(stagers) * len(X.recordings)
    with utils.progress_bar(desc="nights", total=n_nights) as bar:
        for stager in stagers:
            last = list(stager.named_steps).index("cache")
            features = stager[: last + 1].fit(X)
            for night in X.recordings:
                features.transform(night).recordings[0].compute()
                bar.update()


def cross_validate(
    stagers: Mapping[str, Pipeline],
    X: EpochArray,
    n_folds: int,
    directory: Path | None = None,
    subsets: Literal["drop_one", "every"] = "drop_one",
    window: str | None = None,
) -> StagingResult:
    """Score the stagers by subject, with all modalities and with subsets of them.

    Finished folds are kept in a directory. Nothing is left out where a stager needs all
    modalities.
    """
    any_subset = all(takes_any_subset(stager) for stager in stagers.values())
    return evaluation.cross_validate_staging(
        stagers,
        X,
        X.hypnogram,
        cv=min(n_folds, len(set(X.subject))),
        subsets=subsets if any_subset else None,
        window=window,
        directory=directory,
        n_jobs=count_jobs(),
        verbose=True,
    )


def fit_all(stagers: Iterable[Pipeline], X: EpochArray) -> list[Pipeline]:
    """Fit each stager on all nights."""
    from joblib import Parallel, delayed

    stagers = list(stagers)
    fits = (delayed(_fit)(stager, X) for stager in stagers)
    n_jobs = min(count_jobs(), len(stagers))
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    bar = utils.progress_bar(parallel(fits), "on all nights", total=len(stagers))
    return list(bar)


def count_jobs() -> int:
    """Count the fits to run side by side: one on a GPU."""
    from joblib import cpu_count

    from sleepkit.training._runtime import find_device

    if find_device("auto").type != "cpu":
        return 1
    return min(int(cpu_count()), _MAX_JOBS)


def _fit(stager: Pipeline, X: EpochArray) -> Pipeline:
    """Fit a stager; a function that other processes can import."""
    return stager.fit(X, X.hypnogram)


def _check_stages(X: EpochArray) -> None:
    """Require at least two stages."""
    found = sorted(set(X.hypnogram.tolist()))
    if len(found) < 2:
        names = ", ".join(STAGES[stage] for stage in found)
        msg = f"Training needs epochs of at least two stages; the nights have: {names}."
        raise HypnogramError(msg)


def _check_place(path: Path, *, overwrite: bool) -> None:
    """Require a file that may be written, before the nights are read."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    refuse_existing([path], overwrite=overwrite)
