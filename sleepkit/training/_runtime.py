"""Device, threads and randomness of torch, set for a while and put back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch

from sleepkit.training._processes import SHARED, find_processes

# torch has one generator and one number of threads for all threads of a process.
_LOCK = threading.RLock()


def find_device(device: str) -> torch.device:
    """Choose where a net runs.

    Parameters
    ----------
    device : str
        A torch device; ``"auto"`` takes CUDA, else MPS, else the CPU, and
        ``"accelerate"`` the one of this process.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If this computer has no such device.
    ImportError
        If it is ``"accelerate"``, which is not installed.

    Examples
    --------
    >>> from sleepkit.training._runtime import find_device
    >>> find_device("cpu")
    device(type='cpu')
    """
    if device == SHARED:
        own: torch.device = find_processes().device
        return own
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    if torch.cuda.is_available():
        numbers = range(torch.cuda.device_count())
        found = ["cuda", *(f"cuda:{number}" for number in numbers), *found]
    if device != "auto" and str(device) not in found:
        msg = (
            "The 'device' parameter must be 'auto', which chooses, 'accelerate', for "
            f"several processes, or what this computer has: {', '.join(found)}. "
            f"Got {device!r} instead."
        )
        raise ValueError(msg)
    return torch.device(found[0] if device == "auto" else device)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw torch's random numbers from a seed, and leave its generators as they were.

    Threads that open this context wait for each other, since torch has one generator
    for all; what other threads draw meanwhile comes out of the same one.

    Parameters
    ----------
    seed : int
        The seed.
    device : torch.device
        Where the net runs.

    Yields
    ------
    None
        For as long as the context is open.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.training._runtime import seeded
    >>> draws = []
    >>> for _ in range(2):
    ...     with seeded(0, torch.device("cpu")):
    ...         draws.append(torch.rand(1).item())
    >>> draws[0] == draws[1]
    True
    """
    devices = [device] if device.type == "cuda" else []
    with ExitStack() as stack:
        stack.enter_context(_LOCK)
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True
            )
        )
        if device.type == "cpu":  # those of accelerators are not put back
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        yield


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Let torch use so many threads, and as many as before afterwards.

    Parameters
    ----------
    n_threads : int or None
        Number of threads; None leaves it as it is.

    Yields
    ------
    None
        For as long as the context is open.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.training._runtime import threads
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    """
    if n_threads is None:
        yield
        return
    with _LOCK:
        before = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the states of torch's generators.

    Parameters
    ----------
    device : torch.device
        Where the net runs.

    Returns
    -------
    dict of str to torch.Tensor
        The states of the CPU's generator and of the device's.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.training._runtime import generator_states
    >>> list(generator_states(torch.device("cpu")))
    ['cpu']
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state()
    return states


def restore_generators(states: Mapping[str, torch.Tensor]) -> None:
    """Return torch's generators to their states.

    Parameters
    ----------
    states : mapping of str to torch.Tensor
        What `generator_states` returned.

    Examples
    --------
    >>> import torch
    >>> from sleepkit.training._runtime import generator_states, restore_generators
    >>> states = generator_states(torch.device("cpu"))
    >>> first = torch.rand(1)
    >>> restore_generators(states)
    >>> torch.equal(first, torch.rand(1))
    True
    """
    for kind, state in states.items():
        module = torch if kind == "cpu" else torch.get_device_module(kind)
        module.set_rng_state(state.cpu())
