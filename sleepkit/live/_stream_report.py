"""Counts of the samples of a stream."""

from __future__ import annotations

from typing import NamedTuple


class StreamReport(NamedTuple):
    """Samples of a modality that arrived, and those that did not in time.

    Parameters
    ----------
    received : int
        Samples that were taken, each once.
    repeated : int
        Samples that arrived again and were left out.
    late : int
        Samples that arrived when their epoch was closed, and were left out.
    lost : int
        Samples that were missing when their epoch was closed, those of short holes that
        were bridged among them.
    sfreq : float
        Sampling rate in hertz as declared.
    counted_sfreq : float
        Sampling rate in hertz by the times of the chunks; NaN without times.

    See Also
    --------
    StreamingStager.report : Returns one for each modality.

    Examples
    --------
    >>> from sleepkit.live import StreamReport
    >>> report = StreamReport(360_000, 0, 0, 0, sfreq=100.0, counted_sfreq=99.99)
    >>> round(report.drift, 6)
    -0.0001
    """

    received: int
    repeated: int
    late: int
    lost: int
    sfreq: float
    counted_sfreq: float

    @property
    def drift(self) -> float:
        """How much faster than declared the samples come, as a share of the rate."""
        return self.counted_sfreq / self.sfreq - 1
