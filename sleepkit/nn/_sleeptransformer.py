"""SleepTransformer: a transformer over frames, and one over epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sleepkit.nn._attention_pooling import AttentionPooling
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._linear import Linear
from sleepkit.nn._positioned_encoder import EncoderLayer, PositionedEncoder
from sleepkit.nn._spectrum_sequence_net import SpectrumSequenceNet
from sleepkit.utils import check_count


class SleepTransformer(SpectrumSequenceNet):
    """Stage sequences of spectra by a transformer over frames and one over epochs.

    The first transformer attends to the frames of an epoch, which attention pools, and
    the second one to the epochs of a sequence. A token is a frame, with the values of
    all channels as they are.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape of one epoch of each modality: spectra ``(n_channels, n_frames, n_bins)``,
        all with the same frames and bins, or features ``(n_features,)``. All are needed
        in each forward pass.
    n_classes : int, default=5
        Number of stages.
    d_model : int, default=None
        Size of a token. None is the number of values of a frame, bins times channels;
        for any other size, a linear layer maps them.
    n_heads : int, default=8
        Attention heads, a divisor of the size of a token.
    n_layers : int, default=4
        Layers of each transformer.
    dim_feedforward : int, default=1024
        Hidden units of the layers.
    attention_size : int, default=64
        Hidden units of the attention that pools frames.
    d_head : int, default=1024
        Units of each of the two hidden layers of the head.
    dropout : float, default=0.1
        Dropout of the attention probabilities, of the layers' outputs and in the head.

    Raises
    ------
    ValueError
        If a parameter cannot be used.

    See Also
    --------
    SeqSleepNet : LSTMs in place of the transformers.
    MedFuseNet : Transformers of several modalities, any of which may be missing.

    Notes
    -----
    The network of [1]_, which reads spectra of 29 frames with 128 bins, without the one
    at 0 Hz. With one such channel it has 3,701,893 parameters, with two 7,126,149. As
    in the released code, the channels of a frame are interleaved: all channels of the
    first bin come first. The released configuration has two layers, but its scripts
    train four.

    Layers are post-norm. The attention has no output layer, and dropout follows the
    second norm instead of standing before it. Epochs without any modality are padding,
    which is not attended to.

    **Implementation differences.** Weights of the pooling are a softmax, where the
    released code divides exponentials that may overflow.

    References
    ----------
    .. [1] Phan et al., "SleepTransformer: Automatic Sleep Staging With Interpretability
       and Uncertainty Quantification". IEEE TBME 69(8), 2022.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import SleepTransformer
    >>> net = SleepTransformer({"eeg": (1, 29, 128)}, n_layers=1, dim_feedforward=32)
    >>> net({"eeg": torch.zeros(2, 21, 1, 29, 128)}).shape
    torch.Size([2, 21, 5])
    """

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        d_model: int | None = None,
        n_heads: int = 8,
        n_layers: int = 4,
        dim_feedforward: int = 1024,
        attention_size: int = 64,
        d_head: int = 1024,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(modalities)
        counts = {
            "n_classes": n_classes,
            "n_heads": n_heads,
            "n_layers": n_layers,
            "dim_feedforward": dim_feedforward,
            "attention_size": attention_size,
            "d_head": d_head,
        }
        for name, count in counts.items():
            check_count(name, count, owner="SleepTransformer")
        n_channels, _, n_bins = self.stack.shape
        size = n_channels * n_bins
        d_model = _token_size(d_model, size, n_heads)
        self.embedding = nn.Identity() if d_model == size else Linear(size, d_model)
        options: dict[str, Any] = {
            "n_heads": n_heads,
            "n_layers": n_layers,
            "dim_feedforward": dim_feedforward,
            "dropout": dropout,
        }
        self.frame_encoder = PositionedEncoder(d_model, **options)
        self.pooling = AttentionPooling(d_model, attention_size)
        self.sequence_encoder = PositionedEncoder(d_model, **options)
        self.head = _head(d_model, d_head, n_classes, dropout)
        self.apply(_start)

    def _encode_rows(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_frames, n_bins) -> (batch, d_model)."""
        interleaved = x.permute(0, 2, 3, 1).flatten(2)
        pooled: Tensor = self.pooling(self.frame_encoder(self.embedding(interleaved)))
        return pooled

    def _read(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of sequences."""
        logits: Tensor = self.head(self.sequence_encoder(encoded, mask))
        return logits


def _token_size(d_model: int | None, size: int, n_heads: int) -> int:
    """Size of a token, which the heads share."""
    owner = "SleepTransformer"
    chosen = size if d_model is None else check_count("d_model", d_model, owner=owner)
    if chosen % n_heads:
        what = f"the {size} values of a frame" if d_model is None else "d_model"
        msg = (
            f"The 'n_heads' parameter of {owner} must be a divisor of the size of a "
            f"token, {what}: any d_model can be chosen. Got n_heads={n_heads} for "
            f"{chosen}."
        )
        raise ValueError(msg)
    return chosen


def _head(n_in: int, n_hidden: int, n_classes: int, dropout: float) -> nn.Sequential:
    """Make the layers of the logits."""
    return nn.Sequential(
        Linear(n_in, n_hidden),
        nn.ReLU(),
        Dropout(dropout),
        Linear(n_hidden, n_hidden),
        nn.ReLU(),
        Dropout(dropout),
        Linear(n_hidden, n_classes),
    )


def _start(module: nn.Module) -> None:
    """Start a linear layer as TensorFlow does, and queries, keys and values as three.

    Modules come after those that they consist of.
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, EncoderLayer):
        for weight in module.query_key_value.weight.chunk(3):
            nn.init.xavier_uniform_(weight)
    elif isinstance(module, AttentionPooling):
        module.reset_parameters()
