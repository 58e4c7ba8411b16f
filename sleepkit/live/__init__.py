"""Live staging: signals that arrive in chunks, staged epoch by epoch."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.live._stream_report import StreamReport
    from sleepkit.live._streaming_stager import StreamingStager
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["StreamReport", "StreamingStager"]
