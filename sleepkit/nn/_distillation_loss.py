"""Distillation loss: a student's probabilities against those of a teacher."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from sleepkit.utils import check_positive


def distillation_loss(
    student: Tensor, teacher: Tensor, *, temperature: float = 2.0
) -> Tensor:
    r"""Divergence of a student's softened probabilities from those of its teacher.

    Parameters
    ----------
    student : Tensor, shape (n_epochs, n_classes)
        Log-probabilities of the student, or its logits.
    teacher : Tensor, shape (n_epochs, n_classes)
        Those of the teacher.
    temperature : float, default=2.0
        What both are divided by. Higher ones show more of how a teacher ranks the
        stages that it does not choose.

    Returns
    -------
    Tensor, shape ()
        The mean over epochs; 0 where there is none.

    Raises
    ------
    ValueError
        If `temperature` is not above 0.

    See Also
    --------
    sleepkit.classifiers.DistilledClassifier : The stager that is trained with it.

    Notes
    -----
    With the temperature :math:`t`, :math:`q` the softmax of the teacher's values
    divided by :math:`t`, and :math:`p` that of the student's, this is

    .. math:: t^2 \sum_c q_c \log \frac{q_c}{p_c}

    of [1]_; the factor keeps its gradients of one size over temperatures.

    References
    ----------
    .. [1] Hinton, Vinyals and Dean (2015). Distilling the knowledge in a neural
       network. arXiv:1503.02531.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.nn import distillation_loss
    >>> teacher = torch.tensor([[0.9, 0.1]]).log()
    >>> distillation_loss(teacher, teacher).item()
    0.0
    >>> uniform = torch.zeros(1, 2)
    >>> round(distillation_loss(uniform, teacher, temperature=1.0).item(), 3)
    0.368
    """
    check_positive("temperature", temperature, owner="distillation_loss")
    if not len(student):
        return student.sum() * 0
    p = (student.float() / temperature).log_softmax(-1)
    q = (teacher.float() / temperature).log_softmax(-1)
    divergence = functional.kl_div(p, q, reduction="batchmean", log_target=True)
    return temperature**2 * divergence
