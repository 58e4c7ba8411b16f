"""The size of Adam's steps for gradients that differ by their coefficients only."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sleepkit.training._step_memory import StepMemory


@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_steps_of_adam_itself(beta):
    rho = np.random.default_rng(0).uniform(0.05, 0.6, size=(40, 3))
    rho[20:, 0] = rho[19, 0]
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=1.0, betas=(0.0, beta), eps=1e-12)
    memory = StepMemory(adam)
    for coefficients in rho:
        before = weight.detach().clone()
        weight.grad = torch.from_numpy(coefficients)
        adam.step()
        made = (before - weight.detach()).numpy()
        np.testing.assert_allclose(memory.factor(coefficients), made, rtol=1e-6)


def test_a_constant_coefficient_leaves_no_trace():
    memory = StepMemory(torch.optim.Adam([torch.zeros(1)]))
    for _ in range(5):
        np.testing.assert_allclose(memory.factor(np.array([0.1, 0.6])), 1)


def test_plain_descent_follows_the_coefficient():
    memory = StepMemory(torch.optim.SGD([torch.zeros(1)]))
    np.testing.assert_array_equal(memory.factor(np.array([0.1, 0.6])), [0.1, 0.6])


def test_what_never_moves():
    memory = StepMemory(torch.optim.Adam([torch.zeros(1)]))
    np.testing.assert_array_equal(memory.factor(np.array([0.0, 0.5])), [0, 1])
