"""How far two experts agree on a night, and on half hours of it."""

from __future__ import annotations

import json

import numpy as np
from common import TO, table

from sleepkit.metrics import pairwise_kappa

_N_EXPERTS = 5
_HALF_HOUR = 60  # epochs
_LEAST_SCORED = 55
_LEAST_STAGES = 3  # as the excerpts of DREAMS have
_N_DRAWS = 2000


def experts_table(folder):
    """Kappa of two experts: whole nights, half hours, and four of these together."""
    nights = read_nights(folder)
    rng = np.random.default_rng(0)
    pairs = np.triu_indices(_N_EXPERTS, 1)
    whole = np.concatenate([pairwise_kappa(night)[0][pairs] for night in nights])
    rows = [["whole nights", *summary(whole)]]
    for title, number in {"half hours": 1, "four half hours, pooled": 4}.items():
        draws = [pairwise_kappa(draw(nights, number, rng))[1] for _ in range(_N_DRAWS)]
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
    """Half hours of different nights by the same two experts, one behind the other."""
    pair = rng.permutation(_N_EXPERTS)[:2]
    parts = []
    for index in rng.permutation(len(nights)):
        start = rng.integers(nights[index].shape[1] - _HALF_HOUR + 1)
        part = nights[index][pair, start : start + _HALF_HOUR]
        if fits(part[:, (part >= 0).all(axis=0)]):
            parts.append(part)
    return np.concatenate(parts[:number], axis=1)


def fits(scored):
    """Whether enough is scored by both, and into enough stages by the first."""
    n_stages = len(np.unique(scored[0]))
    return scored.shape[1] >= _LEAST_SCORED and n_stages >= _LEAST_STAGES


def summary(values):
    """Mean, and the range of most."""
    low, high = np.percentile(values, [2.5, 97.5])
    return [f"{np.mean(values):.2f}", f"{low:.2f}{TO}{high:.2f}"]
