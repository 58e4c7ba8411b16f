"""Reports of nights, each one page of HTML that holds all it shows."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.report._index_report import index_report
    from sleepkit.report._night_report import night_report
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["index_report", "night_report"]
