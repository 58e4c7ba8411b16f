"""Augmentation of raw epochs: six random changes of the batches of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Final

import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sleepkit.utils import check_fraction, check_positive

Range = tuple[float, float] | None
_RANGES: Final = ("scale", "shift", "offset", "mask", "noise", "bandstop")
_BANDWIDTH: Final = 2.0  # hertz of the band-stop
_SETTLED: Final = 2.0  # seconds after which its response is over, to one part in 1e5


class SignalAugmentation(Callback):
    """Change raw training epochs at random: amplitude, place, baseline, gaps, noise.

    As a callback of a classifier of raw signals it changes the epochs of each training
    batch, anew in each pass and on the device of the net; validations and predictions
    see epochs as they are. `augment` changes a tensor of epochs in any other training.

    Each range is a pair (low, high) of which a value is drawn, evenly, for each epoch
    of each modality; a pair of equal numbers fixes the value, and None leaves the
    change out. The changes follow each other in the order of the parameters.

    Parameters
    ----------
    p : float, default=0.5
        Probability of each change, for each epoch.
    scale : tuple of float or None, default=(0.5, 2.0)
        Factor of the amplitude.
    shift : tuple of float or None, default=(-3.0, 3.0)
        Seconds by which an epoch is moved, later if positive, with zeros at the start
        or the end.
    offset : tuple of float or None, default=(-10.0, 10.0)
        Added to all samples, in their unit: microvolts, unless signals are scaled.
    mask : tuple of float or None, default=(0.0, 3.0)
        Seconds of a stretch anywhere in the epoch that is set to zero.
    noise : tuple of float or None, default=(0.0, 0.2)
        Standard deviation of white noise that is added, in the unit of the samples.
    bandstop : tuple of float or None, default=(1.5, 31.0)
        Centre in hertz of a band-stop of 2 Hz. Centres of half the sampling rate or
        more change nothing.
    epoch_duration : float, default=30.0
        Length of an epoch in seconds, which gives its sampling rate.
    only : sequence of str or None, default=None
        The modalities that are changed; None means all.

    See Also
    --------
    sleepkit.preprocessing.DomainRandomizer : Changes whole recordings, once a fit.
    ModalityDropout : Leaves out whole modalities in training.

    Notes
    -----
    The default values are those of SleePyCo [1]_, which reads one EEG channel in
    microvolts. The channels of a modality share all values but those of the noise. The
    band-stop is the second-order notch filter of ``scipy.signal.iirnotch``, forwards in
    time from a state of zero. Values are drawn by torch's generator: in a fit they
    follow from its seed. Missing modalities stay missing.

    References
    ----------
    .. [1] Lee et al., "SleePyCo: Automatic sleep scoring with feature pyramid and
       contrastive learning". Expert Systems with Applications 240, 2024.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.training import SignalAugmentation
    >>> later = SignalAugmentation(
    ...     1.0, shift=(2, 2), epoch_duration=5, scale=None, offset=None, mask=None,
    ...     noise=None, bandstop=None)
    >>> later.augment(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    tensor([[[0., 0., 1., 2., 3.]]])
    """

    def __init__(
        self,
        p: float = 0.5,
        *,
        scale: Range = (0.5, 2.0),
        shift: Range = (-3.0, 3.0),
        offset: Range = (-10.0, 10.0),
        mask: Range = (0.0, 3.0),
        noise: Range = (0.0, 0.2),
        bandstop: Range = (1.5, 31.0),
        epoch_duration: float = 30.0,
        only: Sequence[str] | None = None,
    ) -> None:
        self.p = p
        self.scale = scale
        self.shift = shift
        self.offset = offset
        self.mask = mask
        self.noise = noise
        self.bandstop = bandstop
        self.epoch_duration = epoch_duration
        self.only = only

    def augment(self, x: Tensor) -> Tensor:
        """Change epochs.

        Parameters
        ----------
        x : Tensor, shape (batch, n_channels, n_times) or (batch, seq, n_channels, \
n_times)
            Raw epochs, each changed by itself.

        Returns
        -------
        Tensor
            The changed epochs, of the same shape; `x` stays as it is.
        """
        rows = x.flatten(0, -3)
        sfreq = x.shape[-1] / self.epoch_duration
        for name in _RANGES:
            bounds = getattr(self, name)
            if bounds is not None:
                chosen = torch.rand(len(rows), device=x.device) < self.p
                low, high = map(float, bounds)
                value = torch.rand(len(rows), device=x.device) * (high - low) + low
                rows = _CHANGES[name](rows, value, chosen, sfreq)
        return rows.view(x.shape)

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Check the parameters, and change what the net reads from now on."""
        self.check()
        self._handle = net.module_.register_forward_pre_hook(
            self._before_forward, with_kwargs=True
        )

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Leave the net as it was."""
        self._handle.remove()
        del self._handle

    def check(self) -> None:
        """Refuse parameters that cannot be used.

        Raises
        ------
        ValueError
            If one cannot be used.
        """
        owner = type(self).__name__
        check_fraction("p", self.p, owner=owner, one=True)
        check_positive("epoch_duration", self.epoch_duration, owner=owner)
        for name in _RANGES:
            _check_range(name, getattr(self, name), owner=owner)

    def _before_forward(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Change the inputs of a training batch."""
        if not module.training:
            return None
        present = kwargs.get("present") or {}
        changed = dict(kwargs["inputs"])
        for name, x in changed.items():
            if self.only is None or name in self.only:
                changed[name] = self._augment_present(name, x, present.get(name))
        return args, kwargs | {"inputs": changed}

    def _augment_present(self, name: str, x: Tensor, present: Tensor | None) -> Tensor:
        """Change the epochs of a modality, (batch, ...) or (batch, seq, ...)."""
        if x.ndim not in {3, 4}:
            msg = (
                "SignalAugmentation takes signals, (n_channels, n_times) in each "
                f"epoch; got a batch of {name!r} of shape {tuple(x.shape)}."
            )
            raise ValueError(msg)
        changed = self.augment(x)
        if present is None:
            return changed
        return torch.where(present[..., None, None], changed, x)


def _scale(rows: Tensor, factor: Tensor, chosen: Tensor, _: float) -> Tensor:
    """Multiply all samples."""
    return rows * _per_row(factor.where(chosen, 1))


def _shift(rows: Tensor, seconds: Tensor, chosen: Tensor, sfreq: float) -> Tensor:
    """Move an epoch by whole samples; zeros take the place of what is not known."""
    by = (seconds * sfreq).round().long().where(chosen, 0)
    n_times = rows.shape[-1]
    source = torch.arange(n_times, device=rows.device) - by[:, None]
    inside = (source >= 0) & (source < n_times)
    taken = source.clamp(0, n_times - 1)[:, None].expand_as(rows)
    return rows.gather(2, taken) * inside[:, None]


def _offset(rows: Tensor, added: Tensor, chosen: Tensor, _: float) -> Tensor:
    """Move the baseline."""
    return rows + _per_row(added.where(chosen, 0))


def _mask(rows: Tensor, seconds: Tensor, chosen: Tensor, sfreq: float) -> Tensor:
    """Set a stretch to zero that begins anywhere it fits."""
    n_times = rows.shape[-1]
    n_zeros = (seconds * sfreq).round().clamp(max=n_times).where(chosen, 0)
    start = torch.rand_like(n_zeros) * (n_times - n_zeros + 1)
    place = torch.arange(n_times, device=rows.device) - start.floor()[:, None]
    return rows * ((place < 0) | (place >= n_zeros[:, None]))[:, None]


def _noise(rows: Tensor, deviation: Tensor, chosen: Tensor, _: float) -> Tensor:
    """Add white noise."""
    return rows + _per_row(deviation.where(chosen, 0)) * torch.randn_like(rows)


def _bandstop(rows: Tensor, centre: Tensor, chosen: Tensor, sfreq: float) -> Tensor:
    """Filter by a notch, as a product of spectra: the same for all rows at once."""
    chosen = chosen & (centre < sfreq / 2) & (sfreq > 2 * _BANDWIDTH)
    if not bool(chosen.any()):
        return rows
    x = rows[chosen]
    n_padded = x.shape[-1] + math.ceil(_SETTLED * sfreq)  # what follows is cut off
    response = _notch(centre[chosen], sfreq, n_padded)
    spectra = torch.fft.rfft(x.float(), n_padded) * response[:, None]
    filtered = torch.fft.irfft(spectra, n_padded)[..., : x.shape[-1]]
    changed = rows.clone()
    changed[chosen] = filtered.to(rows.dtype)
    return changed


def _notch(centre: Tensor, sfreq: float, n_times: int) -> Tensor:
    """Frequency response of second-order notch filters, (n_rows, n_freqs)."""
    gain = 1 / (1 + math.tan(math.pi * _BANDWIDTH / sfreq))
    cosine = (2 * math.pi / sfreq * centre).cos()[:, None]
    angles = 2 * math.pi * torch.fft.rfftfreq(n_times, device=centre.device)
    delay = torch.polar(torch.ones_like(angles), -angles)
    zeros = 1 - 2 * cosine * delay + delay**2
    return gain * zeros / (1 - 2 * gain * cosine * delay + (2 * gain - 1) * delay**2)


def _per_row(values: Tensor) -> Tensor:
    """Let one value of each row broadcast over channels and times."""
    return values[:, None, None]


_CHANGES: Final = {
    "scale": _scale,
    "shift": _shift,
    "offset": _offset,
    "mask": _mask,
    "noise": _noise,
    "bandstop": _bandstop,
}


def _check_range(name: str, value: Any, *, owner: str) -> None:
    """Require a pair of finite numbers in order, or None."""
    if value is None:
        return
    pair = [*value] if isinstance(value, (tuple, list)) else []
    numbers = len(pair) == 2 and all(
        isinstance(v, Real) and not isinstance(v, bool) and math.isfinite(v)
        for v in pair
    )
    signed = name in {"shift", "offset"}
    if numbers and pair[0] <= pair[1] and (signed or pair[0] >= 0):
        return
    rule = "finite numbers" if signed else "finite numbers >= 0"
    msg = (
        f"The {name!r} parameter of {owner} must be a pair (low, high) of {rule} in "
        f"order, or None. Got {value!r} instead."
    )
    raise ValueError(msg)
