"""A stager of single epochs as a transformer: its features, fused and apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sleepkit._typing import Array, FloatArray
from sleepkit.nn import SleepMGOutput

if TYPE_CHECKING:
    from sleepkit._typing import BoolArray


class FeatureTransformer(TransformerMixin):
    """Gives what a `SleepMGNet` extracts; the other half is a `SleepClassifier`."""

    module_: Any
    _run: Callable[..., tuple[FloatArray, BoolArray]]
    _tell_empty: Callable[..., None]

    def transform(self, X: Any) -> FloatArray:
        """Give the fused features: what the head of the stages reads.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            The features, modality by modality, those of a missing one 0;
            `get_feature_names_out` says which is whose.

        Raises
        ------
        ValueError
            As `predict_proba` does.
        """
        check_is_fitted(self, "net_")
        widths: Mapping[str, int] = self.module_.fuse.widths
        return self._features(X, lambda output: output.features, widths)

    def modality_features(self, X: Any) -> dict[str, FloatArray]:
        """Give the features of each modality alone, before the fusion.

        Parameters
        ----------
        X : EpochArray, Recording, list of Recording or array-like
            The epochs; of recordings all, scored or not.

        Returns
        -------
        dict of str to ndarray of shape (n_rows, n_features)
            The features of each modality, 0 where it is missing. With
            ``fusion="concat"``, `transform` has the same side by side.

        Raises
        ------
        ValueError
            As `predict_proba` does.
        """
        check_is_fitted(self, "net_")
        widths: Mapping[str, int] = self.module_.extractors.widths
        features = self._features(
            X, lambda output: torch.cat(list(output.extracted.values()), dim=1), widths
        )
        edges = np.cumsum(list(widths.values()))[:-1]
        return dict(zip(widths, np.split(features, edges, axis=1), strict=True))

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the columns of `transform`: ``"eeg_0"``, ``"eeg_1"`` and so on.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        ndarray of str objects
            The names.
        """
        check_is_fitted(self, "net_")
        widths: Mapping[str, int] = self.module_.fuse.widths
        names = [f"{name}_{i}" for name, width in widths.items() for i in range(width)]
        return np.asarray(names, dtype=object)

    def _features(
        self,
        X: Any,
        pick: Callable[[SleepMGOutput], Tensor],
        widths: Mapping[str, int],
    ) -> FloatArray:
        """Compute features of all rows; where there is no signal they are 0."""
        n_features = sum(widths.values())
        features, empty = self._run(X, lambda output, _: pick(output), n_features)
        if empty.any():
            self._tell_empty(empty, "features of 0")
            features[empty] = 0
        return features
