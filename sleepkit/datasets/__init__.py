"""Cohorts of nights, real and simulated."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.datasets._cap import load_cap
    from sleepkit.datasets._counts import CountCheck, check_counts
    from sleepkit.datasets._dcsm import load_dcsm
    from sleepkit.datasets._dod import load_dod
    from sleepkit.datasets._fetch_nsrr import fetch_nsrr
    from sleepkit.datasets._fetch_sleep_edf import fetch_sleep_edf
    from sleepkit.datasets._folder import FolderEntry, load_folder
    from sleepkit.datasets._hmc import load_hmc
    from sleepkit.datasets._isruc import load_isruc
    from sleepkit.datasets._mass import load_mass
    from sleepkit.datasets._night import load_night
    from sleepkit.datasets._physionet2018 import load_physionet2018
    from sleepkit.datasets._protocols import (
        PublishedSplit,
        neuralbench_split,
        sleeptransformer_split,
        sleepyco_split,
    )
    from sleepkit.datasets._scan import ScanEntry, scan
    from sleepkit.datasets._select_epochs import StepCount, select_epochs
    from sleepkit.datasets._shhs import load_shhs
    from sleepkit.datasets._simulate import make_polysomnography
    from sleepkit.datasets._simulator import Site
    from sleepkit.datasets._sleep_edf import load_sleep_edf
    from sleepkit.datasets._slpdb import load_slpdb
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "CountCheck",
    "FolderEntry",
    "PublishedSplit",
    "ScanEntry",
    "Site",
    "StepCount",
    "check_counts",
    "fetch_nsrr",
    "fetch_sleep_edf",
    "load_cap",
    "load_dcsm",
    "load_dod",
    "load_folder",
    "load_hmc",
    "load_isruc",
    "load_mass",
    "load_night",
    "load_physionet2018",
    "load_shhs",
    "load_sleep_edf",
    "load_slpdb",
    "make_polysomnography",
    "neuralbench_split",
    "scan",
    "select_epochs",
    "sleeptransformer_split",
    "sleepyco_split",
]
