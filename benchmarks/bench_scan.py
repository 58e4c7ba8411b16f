"""Seconds that a table of thousands of recordings takes, from headers and stages.

    python benchmarks/bench_scan.py [--nights 5800] [--epochs 960] [--jobs 2]

Writes a tree as the NSRR archives SHHS, of tiny EDF files and stages in both formats.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sleepkit.datasets import load_shhs, scan
from tests.datasets.trees import nsrr_xml, profusion_xml, write_shhs

TEXTS = {"nsrr.xml": nsrr_xml, "profusion.xml": profusion_xml}


def write_tree(root, n_nights, n_epochs):
    """Two epochs of signal a night, and stages of a whole night in runs."""
    rng = np.random.default_rng(0)
    write_shhs(root, 200001, [0, 2])
    (signals,) = root.rglob("*.edf")
    content = signals.read_bytes()
    folders = {
        path.name[len("shhs1-200001-") :]: path.parent for path in root.rglob("*.xml")
    }
    for number in range(200001, 200001 + n_nights):
        (signals.parent / f"shhs1-{number}.edf").write_bytes(content)
        stages = rng.integers(0, 6, n_epochs).repeat(rng.integers(1, 9, n_epochs))
        for suffix, folder in folders.items():
            text = TEXTS[suffix](stages[:n_epochs].tolist())
            (folder / f"shhs1-{number}-{suffix}").write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nights", type=int, default=5800)
    parser.add_argument("--epochs", type=int, default=960)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "shhs"), Path(folder, "cache")
        write_tree(root, arguments.nights, arguments.epochs)
        options = {"n_jobs": arguments.jobs}
        for name, call in (
            ("scan", lambda: scan(root, "shhs", cache=cache, **options)),
            ("scan, kept", lambda: scan(root, "shhs", cache=cache, **options)),
            ("load_shhs", lambda: load_shhs(root, **options)[3]),
        ):
            started, cpu = time.perf_counter(), time.process_time()
            rows = call()
            seconds, own = time.perf_counter() - started, time.process_time() - cpu
            print(
                f"{name:12} {len(rows)} nights {seconds:7.1f} s ({own:.1f} of CPU "
                "in this process)"
            )


if __name__ == "__main__":
    main()
