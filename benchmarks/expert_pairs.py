"""How far two experts agree on a night, and on half hours of it."""

from __future__ import annotations

import json

import numpy as np
from common import TO, table

from sleepkit.metrics import staging_scores

_N_EXPERTS = 5
_HALF_HOUR = 60  # epochs
_LEAST_SCORED = 55
_LEAST_STAGES = 3  # as the excerpts of DREAMS have
_N_DRAWS = 2000


def experts_table(folder):
    """Kappa of two experts: whole nights, half hours, and four of these together."""
    nights = read_nights(folder)
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in range(_N_EXPERTS) for b in range(a + 1, _N_EXPERTS)]
    whole = [kappa([night[[a, b]]]) for night in nights for a, b in pairs]
    rows = [["whole nights", *summary(whole)]]
    for title, number in {"half hours": 1, "four half hours, pooled": 4}.items():
        draws = [kappa(draw(nights, number, rng)) for _ in range(_N_DRAWS)]
        rows.append([title, *summary(draws)])
    return table(("two experts, on", "mean kappa", "95 % of them"), rows)


def read_nights(folder):
    """Stages of each night by each expert: arrays of shape (n_experts, n_epochs)."""
    names = sorted(path.name for path in (folder / "scorer_1").glob("*.json"))
    return [
        np.array(
            [
                json.loads((folder / f"scorer_{i + 1}" / name).read_text("utf-8"))
                for i in range(_N_EXPERTS)
            ]
        )
        for name in names
    ]


def draw(nights, number, rng):
    """Half hours of different nights, by the same two experts."""
    pair = rng.permutation(_N_EXPERTS)[:2]
    parts = []
    while len(parts) < number:
        for index in rng.permutation(len(nights)):
            night = nights[index][pair]
            start = rng.integers(night.shape[1] - _HALF_HOUR + 1)
            part = night[:, start : start + _HALF_HOUR]
            if len(parts) < number and fits(part[:, (part >= 0).all(axis=0)]):
                parts.append(part)
    return parts


def fits(scored):
    """Whether enough is scored by both, and into enough stages by the first."""
    n_stages = len(np.unique(scored[0]))
    return scored.shape[1] >= _LEAST_SCORED and n_stages >= _LEAST_STAGES


def kappa(parts):
    """Kappa of two experts over all epochs that both have scored."""
    both = np.concatenate(parts, axis=1)
    first, second = both[:, (both >= 0).all(axis=0)]
    return staging_scores(first, second)["kappa"]


def summary(values):
    """Mean, and the range of most."""
    low, high = np.percentile(values, [2.5, 97.5])
    return [f"{np.mean(values):.2f}", f"{low:.2f}{TO}{high:.2f}"]
