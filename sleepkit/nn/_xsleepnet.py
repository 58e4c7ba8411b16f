"""XSleepNet: a CNN of the raw signals beside SeqSleepNet on their spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sleepkit.nn._batch_norm_lstm import BatchNormBiLSTM
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._frame_encoder import FrameEncoder
from sleepkit.nn._log_spectrum import LogSpectrum
from sleepkit.nn._recurrent import run_both
from sleepkit.nn._stacked_channels import (
    Inputs,
    StackedChannels,
    by_rows,
    by_sequences,
    is_epoch,
)
from sleepkit.nn._two_scale import SameConv1d
from sleepkit.utils import check_count, check_positive

_KERNEL, _STRIDE = 31, 2
_SLOPE = 0.3  # of the leaky rectifier
_START = 0.02  # standard deviation of the kernels


class XSleepNetOutput(NamedTuple):
    """Logits of the three heads, each (batch, seq, n_classes).

    Attributes
    ----------
    raw : Tensor
        Of the raw signals.
    spectral : Tensor
        Of the spectra.
    joint : Tensor
        Of both: the one that stages.
    """

    raw: Tensor
    spectral: Tensor
    joint: Tensor


class XSleepNet(nn.Module):
    """Stage sequences of raw epochs by their signals and by their spectra.

    A CNN and GRUs read the signals, filterbanks and LSTMs as in `SeqSleepNet` the
    spectra, which are computed inside. Each branch has a head, and a third one stages
    by the outputs of both. How much each head counts in training is up to
    `XSleepNetLoss`.

    Parameters
    ----------
    modalities : mapping of str to tuple of int
        Shape ``(n_channels, n_times)`` of one epoch of each modality, all with the same
        ``n_times``. All are needed in each forward pass.
    n_classes : int, default=5
        Number of stages.
    sfreq : float, default=100.0
        Sampling rate in hertz.
    sequence_length : int, default=20
        Epochs in a sequence.
    n_filters : sequence of int, default=(16, 16, 32, 32, 64, 64, 128, 128, 256)
        Filters of each convolution of the signals. Each halves the sampling rate.
    raw_hidden_size : int, default=256
        Units of the GRUs in each direction.
    n_layers : int, default=2
        Layers of the GRUs.
    n_fft : int, default=256
        Length of the Fourier transform in samples, at least that of a frame of 2 s.
    n_spectral_filters : int, default=32
        Filters of each channel's spectra.
    hidden_size : int, default=64
        Units of the LSTMs in each direction.
    attention_size : int, default=64
        Hidden units of the attention over frames.
    conv_dropout : float, default=0.5
        Dropout after each convolution but the last.
    dropout : float, default=0.25
        Dropout of the inputs and the outputs of GRUs and LSTMs.
    momentum : float, default=0.05
        Weight of a batch in the running statistics of the batch normalisations.
    signal_scale : float, default=1.0
        What signals are multiplied by before the first convolution.

    Attributes
    ----------
    spectrum : Module
        The spectra, whose method ``fit`` takes batches of epochs (batch, n_channels,
        n_times) to scale every bin by.

    See Also
    --------
    SeqSleepNet : The branch of the spectra alone.
    XSleepNetLoss : The loss.

    Notes
    -----
    The network of [1]_. With one channel of 30 s at 100 Hz it has 5,739,903 parameters,
    with two 5,760,911, of which the convolutions have 2,024,912 and the GRUs 3,545,088.
    Spectra are those of `STFTEpocher` with 129 bins: they come from the same signals,
    and so a single input is enough. Their scaling is part of the weights.

    Convolutions have no batch normalisation, so the unit of the signals matters: the
    released code reads them as they are in their files, in microvolts say.

    An epoch without any modality is padding: neither batch statistics nor other epochs
    depend on it.

    **Implementation differences.** GRU cells are torch's: with two bias vectors, and
    the reset gate behind the candidate's product. See `SeqSleepNet` for the batch
    normalisation.

    References
    ----------
    .. [1] Phan et al., "XSleepNet: Multi-View Sequential Model for Automatic Sleep
       Staging". IEEE TPAMI 44(9), 2022.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import XSleepNet
    >>> net = XSleepNet({"eeg": (1, 3000)}, raw_hidden_size=16)
    >>> net({"eeg": torch.zeros(2, 20, 1, 3000)}).joint.shape
    torch.Size([2, 20, 5])
    """

    input_dtype = torch.float32  # spectra of rounded signals would be those of noise

    def __init__(
        self,
        modalities: Mapping[str, tuple[int, ...]],
        n_classes: int = 5,
        *,
        sfreq: float = 100.0,
        sequence_length: int = 20,
        n_filters: Sequence[int] = (16, 16, 32, 32, 64, 64, 128, 128, 256),
        raw_hidden_size: int = 256,
        n_layers: int = 2,
        n_fft: int = 256,
        n_spectral_filters: int = 32,
        hidden_size: int = 64,
        attention_size: int = 64,
        conv_dropout: float = 0.5,
        dropout: float = 0.25,
        momentum: float = 0.05,
        signal_scale: float = 1.0,
    ) -> None:
        super().__init__()
        counts = {"n_classes": n_classes, "sequence_length": sequence_length}
        counts |= {"raw_hidden_size": raw_hidden_size, "n_layers": n_layers}
        counts |= {"n_fft": n_fft, "n_spectral_filters": n_spectral_filters}
        sizes: dict[str, Any] = {
            "hidden_size": hidden_size,
            "attention_size": attention_size,
        }
        for name, count in (counts | sizes).items():
            check_count(name, count, owner="XSleepNet")
        check_positive("sfreq", sfreq, owner="XSleepNet")
        check_positive("signal_scale", signal_scale, owner="XSleepNet")
        self.signal_scale = signal_scale
        self.stack = StackedChannels(modalities, owner="XSleepNet")
        n_channels, n_times = self.stack.n_channels, self.stack.n_times
        self.convolutions = Convolutions(n_channels, n_times, n_filters, conv_dropout)
        n_raw, n_spectral = self.convolutions.n_features, 2 * hidden_size
        self.raw_recurrent = IndependentBiGRU(n_raw, raw_hidden_size, n_layers, dropout)
        self.spectrum = LogSpectrum(n_channels, n_times, sfreq, n_fft)
        normed: dict[str, Any] = {"dropout": dropout, "momentum": momentum}
        self.encoder = FrameEncoder(
            self.spectrum.shape, n_filters=n_spectral_filters, **sizes, **normed
        )
        self.recurrent = BatchNormBiLSTM(
            n_spectral, hidden_size, sequence_length, **normed
        )
        self.raw_head = nn.Linear(2 * raw_hidden_size, n_classes)
        self.spectral_head = nn.Linear(n_spectral, n_classes)
        self.joint_head = nn.Linear(2 * raw_hidden_size + n_spectral, n_classes)

    def forward(self, inputs: Inputs, present: Inputs | None = None) -> XSleepNetOutput:
        """Stage a batch of sequences.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        XSleepNetOutput
            Logits of the stages.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        return self.decode(self.encode(inputs, present), present)

    def encode(
        self, inputs: Inputs, present: Inputs | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode epochs one by one.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (batch, seq, n_channels, n_times)
            Epochs of all modalities.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality; without it, everywhere.

        Returns
        -------
        tuple of two Tensor, shape (batch, seq, n_features)
            Features of the signals and of the spectra, zero where there is no epoch.

        Raises
        ------
        ValueError
            If a modality is missing, unknown or of another shape.
        """
        self.stack.check_sequences(inputs)
        x, mask = self.stack(inputs, present), is_epoch(present)
        raw, spectral = (
            by_rows(encode, x.flatten(0, 1), mask, training=self.training)
            for encode in (self._encode_raw, self._encode_spectra)
        )
        return raw.view(*x.shape[:2], -1), spectral.view(*x.shape[:2], -1)

    def decode(
        self, encoded: tuple[Tensor, Tensor], present: Inputs | None = None
    ) -> XSleepNetOutput:
        """Stage sequences of encoded epochs, of any length.

        Parameters
        ----------
        encoded : tuple of two Tensor, shape (batch, seq, n_features)
            What `encode` returned.
        present : mapping of str to Tensor of bool, shape (batch, seq), default=None
            Where an epoch has a modality. Where it has none is padding, at any place.

        Returns
        -------
        XSleepNetOutput
            Logits of the stages.
        """
        logits = by_sequences(
            self._read, *encoded, present=present, training=self.training
        )
        return XSleepNetOutput(*logits.chunk(3, dim=-1))

    def _encode_raw(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> (batch, n_features)."""
        scaled = (x * self.signal_scale).to(self.raw_head.weight.dtype)
        features: Tensor = self.convolutions(scaled)
        return features

    def _encode_spectra(self, x: Tensor) -> Tensor:
        """(batch, n_channels, n_times) -> (batch, 2 * hidden_size)."""
        spectra = self.spectrum(x).to(self.raw_head.weight.dtype)
        features: Tensor = self.encoder(spectra)
        return features

    def _read(
        self, raw: Tensor, spectral: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Logits of the three heads side by side, (batch, seq, 3 * n_classes)."""
        raw, spectral = self.raw_recurrent(raw, mask), self.recurrent(spectral, mask)
        both = torch.cat([raw, spectral], dim=-1)
        heads = self.raw_head(raw), self.spectral_head(spectral), self.joint_head(both)
        return torch.cat(heads, dim=-1)


class Convolutions(nn.Sequential):
    """Convolutions with a stride, each with a leaky rectifier, and flattened."""

    def __init__(
        self, n_channels: int, n_times: int, n_filters: Sequence[int], dropout: float
    ) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in zip([n_channels, *n_filters], n_filters, strict=False):
            convolution = SameConv1d(n_in, n_out, _KERNEL, _STRIDE, bias=True)
            layers += [convolution, nn.LeakyReLU(_SLOPE), Dropout(dropout)]
            n_times = -(-n_times // _STRIDE)
        super().__init__(*layers[:-1], nn.Flatten())
        self.n_features = n_filters[-1] * n_times
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    """Draw small weights of a convolution, cut off at two deviations."""
    if isinstance(module, SameConv1d):
        nn.init.trunc_normal_(module.weight, std=_START, a=-2 * _START, b=2 * _START)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class IndependentBiGRU(nn.Module):
    """A stack of GRU layers forwards in time and one backwards; dropout around both."""

    def __init__(self, n_in: int, n_hidden: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.ahead, self.back = (
            nn.GRU(n_in, n_hidden, n_layers, batch_first=True) for _ in range(2)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Read (batch, seq, n_in) as (batch, seq, 2 * n_hidden).

        Steps where `mask`, (batch, seq), is false are skipped in both directions.
        """
        read, _ = run_both(self.ahead, self.back, self.dropout(x), mask)
        dropped: Tensor = self.dropout(read)
        return dropped
