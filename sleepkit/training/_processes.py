"""Processes that a launcher started, and what they send each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from sleepkit.utils import optional_import

SHARED: Final = "accelerate"  # the device of a net that several processes train


def find_processes() -> Any:
    """Return accelerate's state of the processes; one alone where none was launched."""
    state = _accelerate("accelerate").PartialState
    _import_compiler()
    # As ``accelerate launch --cpu`` demands; torchrun has no such option.
    by_request = _accelerate("accelerate.utils").parse_flag_from_env
    cpu = by_request("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
    return state(cpu=cpu)


def gather_rows(own: Tensor, n_rows: int) -> Tensor:
    """Put the rows of all processes together: row i is of process i % n_processes.

    Gradients reach the rows of this process alone.
    """
    processes = find_processes()
    n, index = processes.num_processes, processes.process_index
    missing = math.ceil(n_rows / n) - len(own)
    own = functional.pad(own, [0, 0] * (own.ndim - 1) + [0, missing])
    parts = _accelerate("accelerate.utils").gather(own.detach()).unflatten(0, (n, -1))
    parts = torch.cat([parts[:index], own[None], parts[index + 1 :]])
    return parts.transpose(0, 1).flatten(0, 1)[:n_rows]


def sum_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Add up the gradients of all processes; weights without any in all keep None."""
    trained = [weight for weight in weights if weight.requires_grad]
    grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in trained]
    there = grads[0].new_tensor([weight.grad is not None for weight in trained])
    flat = torch.cat([*(grad.flatten() for grad in grads), there])
    total = _accelerate("accelerate.utils").reduce(flat, reduction="sum")
    *sums, there = total.split([*(grad.numel() for grad in grads), len(trained)])
    for weight, grad, count in zip(trained, sums, there.tolist(), strict=True):
        weight.grad = grad.view_as(weight) if count else None


def copy_from_main(values: Iterable[Tensor]) -> None:
    """Replace values by those of the main process."""
    for value in values:
        _accelerate("accelerate.utils").broadcast(value.detach())


def are_alike(text: str) -> bool:
    """Whether all processes have the same text."""
    return len(set(_accelerate("accelerate.utils").gather_object([text]))) == 1


@cache
def _import_compiler() -> None:
    """Import torch's compiler before there is a group of processes.

    Optimizers import it, and it keeps a group that exists by then: the group's threads
    outlive destroy_process_group, and some abort the end of the process.
    """
    torch.compiler.list_backends()


def _accelerate(name: str) -> Any:
    """Import a module of accelerate."""
    return optional_import(name, extra="accelerate")
