"""Checks, fingerprints, random state, files, notebooks and optional packages."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.utils._checks import (
        check_count,
        check_epoch_duration,
        check_fraction,
        check_no_unscored,
        check_option,
        check_positive,
        check_stages,
    )
    from sleepkit.utils._constants import SD_OF_MAD
    from sleepkit.utils._doc_link import DocumentationLinkMixin, documentation_site
    from sleepkit.utils._files import (
        FileState,
        file_state,
        flush_to_disk,
        open_regular,
        write_atomically,
    )
    from sleepkit.utils._fingerprint import (
        NIGHT_PACKAGES,
        hash_code,
        hash_name,
        library_digest,
        package_versions,
        versions,
    )
    from sleepkit.utils._html import Html, html_table, hypnogram_svg
    from sleepkit.utils._optional import optional_import
    from sleepkit.utils._progress import hide_progress, progress_bar
    from sleepkit.utils._random import check_random_state, draw_seed
    from sleepkit.utils._runs import marked_runs
    from sleepkit.utils._steps import last_step
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "NIGHT_PACKAGES",
    "SD_OF_MAD",
    "DocumentationLinkMixin",
    "FileState",
    "Html",
    "check_count",
    "check_epoch_duration",
    "check_fraction",
    "check_no_unscored",
    "check_option",
    "check_positive",
    "check_random_state",
    "check_stages",
    "documentation_site",
    "draw_seed",
    "file_state",
    "flush_to_disk",
    "hash_code",
    "hash_name",
    "hide_progress",
    "html_table",
    "hypnogram_svg",
    "last_step",
    "library_digest",
    "marked_runs",
    "open_regular",
    "optional_import",
    "package_versions",
    "progress_bar",
    "versions",
    "write_atomically",
]
