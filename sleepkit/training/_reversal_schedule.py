"""Let the extractors find features before they have to hide domains."""

from __future__ import annotations

import math
from typing import Any

from skorch.callbacks import Callback

from sleepkit.utils import check_positive


class ReversalSchedule(Callback):
    """Raise the strength of the gradient reversal from zero while a net is trained.

    Parameters
    ----------
    gamma : float, default=10.0
        How fast it rises: with 10, half of the strength is reached after a ninth of
        the epochs.

    Notes
    -----
    At the part p of the epochs, 0 in the first one, the strength is the module's
    ``adversarial`` times ``2 / (1 + exp(-gamma p)) - 1``, as in domain-adversarial
    training [1]_; SleepMG itself keeps it constant. The history of the net has it as
    ``adversarial``, and after the training the module has its own again.

    References
    ----------
    .. [1] Ganin et al., "Domain-Adversarial Training of Neural Networks". JMLR 17,
       2016.

    Examples
    --------
    >>> from sleepkit.training import ReversalSchedule
    >>> schedule = ReversalSchedule()
    >>> [round(schedule.factor(done), 3) for done in (0, 0.1, 0.5, 1)]
    [0.0, 0.462, 0.987, 1.0]
    """

    def __init__(self, gamma: float = 10.0) -> None:
        self.gamma = gamma

    def factor(self, done: float) -> float:
        """Give the part of the full strength.

        Parameters
        ----------
        done : float
            Part of the training that is over, 0 to 1.

        Returns
        -------
        float
            From 0 to nearly 1.
        """
        return 2 / (1 + math.exp(-self.gamma * done)) - 1

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Note the full strength.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.

        Raises
        ------
        ValueError
            If `gamma` is no finite number above zero.
        """
        check_positive("gamma", self.gamma, owner="ReversalSchedule")
        self.strength_ = net.module_.adversarial

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the strength of an epoch.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        done = (len(net.history) - 1) / net.max_epochs
        net.module_.adversarial = self.strength_ * self.factor(done)
        net.history.record("adversarial", net.module_.adversarial)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the full strength back.

        Parameters
        ----------
        net : skorch.NeuralNet
            The net.
        **kwargs : object
            Ignored.
        """
        net.module_.adversarial = self.strength_
