"""``sleepkit prepare``: the features of a cohort, computed once into a store."""

from __future__ import annotations

import inspect
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from errno import EEXIST
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sleepkit import datasets, recording
from sleepkit._messages import first_names
from sleepkit.cli._arguments import COHORTS, MODALITIES, add_json, add_reading, count
from sleepkit.cli._output import make_folder, printed_result
from sleepkit.cli._store import refuse, write_steps
from sleepkit.cli._train import add_method
from sleepkit.datasets._pairs import NAMING_RULES
from sleepkit.exceptions import RecordingError, SleepkitError
from sleepkit.pipelines._night_steps import night_steps
from sleepkit.pipelines._stagers import method_steps

if TYPE_CHECKING:
    from sleepkit.datasets import FolderEntry
    from sleepkit.recording import EpochArray

_READING: Final = ("scheme", "subject_pattern", "units")
_SHARED: Final = ("path", "modalities", "channels", "strict", "n_jobs", "verbose")
EXAMPLE: Final = f"""sleepkit prepare shhs/ --cohort shhs --out store/ --jobs 2
  sleepkit prepare mass/ --cohort mass --options subset=3 --out store/
  sleepkit train store/ --out my.model

The same command goes on after an interrupt or a kill: finished nights are kept.
Without --cohort:
{NAMING_RULES}"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the cohort, the method and the store."""
    parser.add_argument("folder", type=Path, metavar="ROOT", help="scored nights")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="STORE", help="the store to fill"
    )
    _add_cohort(parser)
    add_method(parser)
    parser.add_argument(
        "--jobs",
        type=count(1),
        default=1,
        metavar="N",
        help="nights to compute side by side, each in a process (1)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16"),
        default="float32",
        help="of stored values; float16 takes half the bytes and rounds (float32)",
    )
    add_json(parser)
    add_reading(parser)


def _add_cohort(parser: ArgumentParser) -> None:
    """Add which nights are read, and what of them."""
    parser.add_argument(
        "--cohort",
        choices=COHORTS,
        metavar="NAME",
        help=f"the archive of which ROOT has files, one of {', '.join(COHORTS)}; else "
        "nights of any names",
    )
    parser.add_argument(
        "--options",
        type=option,
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="other parameters of the cohort's loader, as visit=1 of load_shhs",
    )
    parser.add_argument(
        "--modalities",
        choices=MODALITIES,
        nargs="+",
        default=MODALITIES,
        metavar="MODALITY",
        help=f"what to read, as far as a night has it ({' '.join(MODALITIES)})",
    )


def option(text: str) -> tuple[str, Any]:
    """Parse ``NAME=VALUE``, where the value may be a number, true or false."""
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        msg = f"must be NAME=VALUE, as visit=1; got {text!r}"
        raise ArgumentTypeError(msg)
    words = {"true": True, "false": False}
    return name, int(value) if value.isdecimal() else words.get(value.lower(), value)


def run(arguments: Namespace) -> None:
    """Read headers and stages, compute the features of each night, and store them."""
    with printed_result(arguments) as found:
        found |= _prepare(arguments)


def _prepare(arguments: Namespace) -> dict[str, Any]:
    """Fill a store, and return what another program may want to know."""
    out = arguments.out
    _check_place(out, arguments.folder)
    X, report = _read(arguments)
    steps = night_steps(method_steps(arguments.method, arguments.size)).fit(X)
    dtype = arguments.dtype
    features = steps.transform(X).cached(out, dtype)
    listed = _check_steps(out, features)
    make_folder(out)
    write_steps(out, steps)
    jobs = arguments.jobs
    failed = recording.fill_store(features, out, jobs, dtype=dtype, verbose=True)
    _print_report(report, failed)
    _print_delisted(listed - {night.id for night in X.recordings})
    subjects = {night.subject for night in X.recordings if night.id not in failed}
    n_nights = len(X.recordings) - len(failed)
    if not n_nights:
        msg = f"No night could be computed into the store {out}."
        raise RecordingError(msg)
    taken = list(features.recordings[0].pending)
    print(
        f"{out}: {n_nights} nights of {len(subjects)} subjects, by {', '.join(taken)}"
    )
    skipped = {entry.file: entry.reason for entry in report if not entry.used}
    return {
        "store": out,
        "nights": n_nights,
        "subjects": len(subjects),
        "steps": taken,
        "skipped": {**skipped, **failed},
    }


def _read(arguments: Namespace) -> tuple[EpochArray, Sequence[FolderEntry]]:
    """Find the nights, and read headers and stages."""
    named = dict(arguments.channels)
    unused = [name for name in named if name not in arguments.modalities]
    if unused:
        msg = f"--channels names {', '.join(unused)}, which --modalities leaves out."
        raise RecordingError(msg)
    options: dict[str, Any] = {
        "modalities": tuple(arguments.modalities),
        "channels": named,
        "verbose": True,
    }
    if arguments.cohort is None:
        if arguments.options:
            msg = "--options is for the loader of a cohort: --cohort names one."
            raise RecordingError(msg)
        options |= {
            "subject_pattern": arguments.subject_pattern,
            "scheme": arguments.scheme,
            "units": dict(arguments.units),
        }
        X, _, _, report = datasets.load_folder(arguments.folder, **options)
        return _note_hashes(X, report), report
    return _read_cohort(arguments, options)


def _read_cohort(
    arguments: Namespace, options: dict[str, Any]
) -> tuple[EpochArray, Sequence[FolderEntry]]:
    """Find the nights by the loader of a cohort, with the options that it has."""
    load = getattr(datasets, f"load_{arguments.cohort.replace('-', '_')}")
    known = [name for name in inspect.signature(load).parameters if name not in _SHARED]
    unused = [name for name in _READING if name not in known]
    refuse(arguments, unused, f"--cohort {arguments.cohort} knows how files are read")
    if "units" in known:
        options["units"] = dict(arguments.units)
    own = [name for name in known if name not in _READING]
    options |= _check_options(load, own, dict(arguments.options))
    X, _, _, report = load(arguments.folder, n_jobs=arguments.jobs, **options)
    return X, report


def _check_options(
    load: Any, known: Sequence[str], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Require parameters that the loader has, and no argument of the command."""
    unknown = [name for name in options if name not in known]
    if unknown:
        msg = (
            f"{load.__name__} has no parameter {', '.join(unknown)}; --options may be "
            f"of: {', '.join(known)}."
        )
        raise RecordingError(msg)
    return options


def _note_hashes(X: EpochArray, report: Sequence[FolderEntry]) -> EpochArray:
    """Keep the hash of each file, by which a model knows a night that it has seen."""
    hashes = {entry.file: entry.sha256 for entry in report}
    return X.with_recordings(
        night.replace(info={**night.info, "sha256": hashes[night.id]})
        for night in X.recordings
    )


def _check_place(out: Path, root: Path) -> None:
    """Require a store, or a folder that is new or empty, and not the cohort itself."""
    if out.resolve() == root.resolve():
        msg = f"{out} is the folder of the recordings; a store has a folder of its own."
        raise RecordingError(msg)
    if recording.is_store(out) or not os.path.lexists(out):
        return
    if not out.is_dir() or any(not p.name.startswith(".") for p in out.iterdir()):
        reason = "it exists already, and is no store of sleepkit prepare"
        raise FileExistsError(EEXIST, reason, str(out))


def _check_steps(out: Path, features: EpochArray) -> set[str]:
    """Require that what the store holds was computed by the same steps; list it."""
    if not recording.is_store(out):
        return set()
    try:
        X, _, _ = recording.open_store(out, partial=True)
    except SleepkitError:  # no night is finished, or none can be read
        return set()
    wanted = features.recordings[0].pending
    for night in X.recordings:
        if list(steps := night.info["steps"]) != list(wanted):
            msg = (
                f"{out} holds nights by other steps: {', '.join(steps)}. Name another "
                f"folder for nights by {', '.join(wanted)}."
            )
            raise SleepkitError(msg)
    return {night.id for night in X.recordings}


def _print_delisted(ids: set[str]) -> None:
    """Print which nights were listed before; a store lists those of one command."""
    if ids:
        print(
            f"{len(ids)} nights that the store had are no longer listed, since this "
            f"command has not found them: {first_names(sorted(ids))}"
        )


def _print_report(report: Sequence[FolderEntry], failed: Mapping[str, str]) -> None:
    """Print what was set aside, or read with remarks, and why."""
    for entry in report:
        if not entry.used:
            print(entry)
        elif entry.remarks:
            print(f"note     {entry.file}: {entry.remarks}")
    for name, reason in failed.items():
        print(f"skipped  {name}: {reason}")
