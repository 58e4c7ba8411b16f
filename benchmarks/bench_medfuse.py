"""A training step of MedFuseSleep at paper size, against what this machine can do.

    python benchmarks/bench_medfuse.py

The share of the fp32 matrix-product rate (2048-cube product, same run) counts only the
model's own multiply-adds. Beside it: the same model with torch's dropout, by torch's
default library for products, and in bfloat16, where weights and losses stay in float32.
"""

from __future__ import annotations

import torch
from common import in_turn, without_onednn
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sleepkit.nn import MedFuseLoss, MedFuseNet
from sleepkit.nn._cpu._dropout import Dropout
from sleepkit.nn._cpu._feed_forward import FeedForward
from sleepkit.training import StagingNet

MODALITIES = ("eeg", "eog")
BATCH, SEQUENCE, FRAMES, BINS = 16, 21, 29, 128


def make_step(dropout, *, plain=False, precision="float32"):
    """Give a function that makes a training step, as the classifier's net does."""
    torch.manual_seed(0)
    shapes = dict.fromkeys(MODALITIES, (1, FRAMES, BINS))
    net = MedFuseNet(shapes, dropout=dropout)
    if plain:
        use_torch(net)
    inputs = {m: torch.randn(BATCH, SEQUENCE, 1, FRAMES, BINS) for m in MODALITIES}
    present = {m: torch.ones(BATCH, SEQUENCE, dtype=torch.bool) for m in MODALITIES}
    stages = torch.randint(0, 5, (BATCH, SEQUENCE))
    loss = MedFuseLoss(
        None, multi_view=1.0, alignment=0.1, temperature=0.1, negatives="sequence"
    )
    batch = (
        {"inputs": inputs, "present": present},
        {"stages": stages, "domains": torch.full_like(stages, -1), "present": present},
    )
    trained = StagingNet(
        net,
        loss,
        precision=precision,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        verbose=0,
    ).initialize()
    return lambda: trained.train_step(batch)


def use_torch(module):
    """Put torch's own dropout and separate layers into a net."""
    for name, child in module.named_children():
        if isinstance(child, FeedForward):
            enter, relu, dropout, leave = child
            layers = (nn.Flatten(0, 1), enter, relu, nn.Dropout(dropout.p), leave)
            setattr(module, name, Reshaped(*layers))
        elif isinstance(child, Dropout):
            setattr(module, name, nn.Dropout(child.p))
        else:
            use_torch(child)


class Reshaped(nn.Sequential):
    """Layers on rows, in the shape that came."""

    def forward(self, x):
        return super().forward(x).view(x.shape)


def by_default_library(step):
    """Give a function that makes the step by the products torch takes by itself."""

    def run():
        with without_onednn():
            step()

    return run


def main():
    """Time all in turn, and print medians."""
    steps = {
        "dropout .3": make_step(0.3),
        "dropout .3, torch's": make_step(0.3, plain=True),
        "no dropout": make_step(0.0),
        "dropout .3, torch's products": by_default_library(make_step(0.3)),
        "no dropout, torch's products": by_default_library(make_step(0.0)),
        "dropout .3, bfloat16": make_step(0.3, precision="bfloat16"),
        "no dropout, bfloat16": make_step(0.0, precision="bfloat16"),
    }
    with without_onednn(), FlopCounterMode(display=False) as counter:
        make_step(0.0, plain=True)()
    flops = counter.get_total_flops()
    cube = torch.randn(2048, 2048)
    steps["product"] = lambda: cube @ cube
    medians = in_turn(steps, 5)
    rate = 2 * 2048**3 / medians.pop("product")
    print(f"threads {torch.get_num_threads()}, product {rate / 1e9:.0f} GFLOP/s")
    print(f"a step: {flops / 1e9:.0f} GFLOP")
    for name, median in medians.items():
        print(f"{name:30}{median:7.2f} s{flops / median / rate:8.1%} of the rate")
    ratio = medians["dropout .3, torch's"] / medians["dropout .3"]
    print(f"{ratio:.2f} x as fast as with torch's dropout")
    for name in ("dropout .3", "no dropout"):
        low = medians[f"{name}, bfloat16"]
        ours, theirs = medians[name] / low, medians[f"{name}, torch's products"] / low
        print(f"{name}: bfloat16 is {ours:.2f} x as fast as float32, ", end="")
        print(f"{theirs:.2f} x as with torch's products")


if __name__ == "__main__":
    main()
