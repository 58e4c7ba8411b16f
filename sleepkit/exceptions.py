"""The errors and warnings of sleepkit; each error is also a standard Python one."""

from __future__ import annotations

from typing import Any

from sleepkit._messages import shortened

__all__ = [
    "ChannelError",
    "DiscontinuousRecordingError",
    "HubError",
    "HypnogramError",
    "LeakageError",
    "ModelFileError",
    "RecordingError",
    "SleepkitError",
    "SleepkitWarning",
    "StepError",
    "StoreError",
]


class _Message(BaseException):
    """Message of bounded length, in which control characters are escaped.

    Messages quote files, which may hold anything.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*(shortened(a) if isinstance(a, str) else a for a in args))


class SleepkitError(_Message, Exception):
    """Root of all errors that sleepkit raises on its own account."""


class SleepkitWarning(_Message, UserWarning):
    """Something was decided for the user, who may want to know."""


class RecordingError(SleepkitError, ValueError):
    """A recording, its file or its parts do not fit together."""


class DiscontinuousRecordingError(RecordingError):
    """The file holds gaps, and no rule was given for filling them."""


class ChannelError(RecordingError):
    """A channel was not found, is ambiguous or has an unusable unit."""


class HypnogramError(SleepkitError, ValueError):
    """A hypnogram file or its labels cannot be understood."""


class StepError(SleepkitError, TypeError):
    """A step cannot be recorded, or did to a recording what no step may."""


class StoreError(SleepkitError, OSError):
    """A store of computed nights cannot be read or written."""


class StoreWriteError(StoreError):
    """A store of computed nights cannot be written to, as on a full disk."""


class ModelFileError(SleepkitError, ValueError):
    """A model file is damaged, foreign or not to be trusted."""


class HubError(SleepkitError, OSError):
    """A model cannot be fetched from a hub, or pushed to it."""


class LeakageError(SleepkitError, ValueError):
    """People, nights or groups are in training and in test."""
