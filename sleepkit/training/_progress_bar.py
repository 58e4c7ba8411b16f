"""Progress bar of a training."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback

from sleepkit.utils import progress_bar


class ProgressBar(Callback):
    """Show the epochs of a training, and their losses, in one line.

    Examples
    --------
    >>> from sleepkit.training import ProgressBar
    >>> callbacks = [ProgressBar()]
    """

    _bar: Any = None

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self._bar = progress_bar(
            desc="training",
            total=net.max_epochs,
            unit="epoch",
            verbose=getattr(net, "is_main", True),  # any net of skorch will do
        )

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Advance the bar by one epoch."""
        if self._bar is not None:
            last = net.history[-1]
            losses = [name for name in ("train_loss", "valid_loss") if name in last]
            self._bar.set_postfix({name: f"{last[name]:.3f}" for name in losses})
            self._bar.update(len(net.history) - self._bar.n)  # some may be restored

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self._bar.close()
        self._bar = None
