"""Base of the stagers of sequences of spectra through trained filterbanks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sleepkit.classifiers._base import SleepClassifier
from sleepkit.training import EpochSource, TrainingStage
from sleepkit.utils import check_count, check_fraction, check_positive


class FilterbankSequenceClassifier(SleepClassifier):
    """Stager by SeqSleepNet's encoder, with its penalty and its checks."""

    _accepts: ClassVar[Mapping[int, str]] = {
        3: "spectra (n_channels, n_frames, n_bins), see STFTEpocher,",
        1: "features",
    }
    _counts: ClassVar[tuple[str, ...]]  # names of the parameters that are counts
    any_subset = False
    sequence_length: int
    dropout: float
    norm_momentum: float
    validate_every: int | None

    def _check_params(self) -> None:
        """Refuse parameters that cannot be used."""
        owner = type(self).__name__
        for name in self._counts:
            check_count(name, getattr(self, name), owner=owner)
        check_fraction("dropout", self.dropout, owner=owner)
        check_positive("norm_momentum", self.norm_momentum, owner=owner)
        check_fraction("norm_momentum", self.norm_momentum, owner=owner, one=True)
        if self.validate_every is not None:
            check_count("validate_every", self.validate_every, owner=owner)

    def _training_plan(self, source: EpochSource) -> list[TrainingStage]:
        """One stage, without a penalty of the filterbanks."""
        stage = self._stage(
            source,
            optimizer_params={"weight_decay": self.weight_decay / self.batch_size},
            parameter_groups=[("encoder.filterbank.*", {"weight_decay": 0.0})],
            validate_every=self.validate_every,
        )
        return [stage]
