"""One stage of a training plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skorch.callbacks import Callback
from torch import nn
from torch.optim import Optimizer

from sleepkit.training._samplers import check_sampler
from sleepkit.utils import check_count, check_positive


@dataclass(frozen=True, kw_only=True)
class TrainingStage:
    """One stage of a training plan: what is trained, on what, and how.

    Parameters
    ----------
    lr : float
        Learning rate.
    batch_size : int
        Sequences, or epochs, in a batch.
    max_epochs : int
        Passes over the training rows at most.
    part : callable, default=None
        Makes the module that is trained out of the classifier's module: one of its
        parts, perhaps with a head of its own, which is dropped after the stage. None
        trains the whole module.
    loss : callable, default=None
        Makes the loss of the stage, a module called with the output and a dict of
        targets; None is that of the classifier.
    scored : bool, default=True
        Whether the output of the part is read as that of the whole module is: for the
        accuracy of validations, and for scorers among the callbacks. False where it has
        no logits of classes, as for a contrastive loss.
    sequence_length : int or None, default=None
        Epochs in a sequence; None takes epochs alone, shape (batch, ...) instead of
        (batch, seq, ...).
    sampler : {'shuffled', 'balanced', 'in_order'}, default='shuffled'
        Order of the training data, see `Batches`.
    carry_state : bool, default=False
        Whether the module is called with ``continues``, see `Batches`; validations are
        then after each pass.
    optimizer : class of torch.optim.Optimizer, default=None
        The optimizer; None is Adam.
    optimizer_params : mapping of str to object, default=None
        Parameters of the optimizer beside the learning rate.
    parameter_groups : sequence of (str, mapping), default=()
        Other parameters of the optimizer for some weights of the part: patterns of
        their names, and what differs, such as ``("cnn.*", {"lr": 1e-6})``. A name
        takes the first pattern that it matches.
    callbacks : callable, default=None
        Makes the skorch callbacks of the stage from its number of training steps.
    validate_every : int or None, default=None
        Steps from one validation to the next; None validates after each pass.

    Raises
    ------
    ValueError
        If a parameter cannot be used, or does not go with another one.

    See Also
    --------
    sleepkit.classifiers.SleepClassifier : Whose training plan is a list of these.

    Examples
    --------
    >>> from sleepkit.training import TrainingStage
    >>> TrainingStage(lr=1e-4, batch_size=100, max_epochs=10, sampler="balanced").lr
    0.0001
    """

    lr: float
    batch_size: int
    max_epochs: int
    part: Callable[[nn.Module], nn.Module] | None = None
    loss: Callable[[], nn.Module] | None = None
    scored: bool = True
    sequence_length: int | None = None
    sampler: str = "shuffled"
    carry_state: bool = False
    optimizer: type[Optimizer] | None = None
    optimizer_params: Mapping[str, Any] | None = None
    parameter_groups: Sequence[tuple[str, Mapping[str, Any]]] = ()
    callbacks: Callable[[int], Sequence[Callback]] | None = None
    validate_every: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be used."""
        owner = "TrainingStage"
        check_positive("lr", self.lr, owner=owner)
        for name in ("batch_size", "max_epochs"):
            check_count(name, getattr(self, name), owner=owner)
        for name in ("sequence_length", "validate_every"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), owner=owner)
        length, carry_state = self.sequence_length, self.carry_state
        check_sampler(self.sampler, length, carry_state=carry_state, owner=owner)
        if carry_state and self.validate_every is not None:
            msg = (
                f"carry_state=True of {owner} needs validate_every=None: validations "
                "within a pass would replace the carried state. Got "
                f"validate_every={self.validate_every}."
            )
            raise ValueError(msg)
