"""Reading and writing recordings and hypnograms."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.io._channels import ChannelInfo
    from sleepkit.io._choose_channels import choose_channels
    from sleepkit.io._labels import SCHEMES
    from sleepkit.io._mne import from_mne, to_mne
    from sleepkit.io._read_hypnogram import read_hypnogram
    from sleepkit.io._read_recording import describe_channels, read_recording
    from sleepkit.io._write_hypnogram import write_hypnogram
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "SCHEMES",
    "ChannelInfo",
    "choose_channels",
    "describe_channels",
    "from_mne",
    "read_hypnogram",
    "read_recording",
    "to_mne",
    "write_hypnogram",
]
